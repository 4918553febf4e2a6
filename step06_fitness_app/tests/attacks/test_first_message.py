"""A first message that is none, or never comes."""

import gc
import json
import threading
import time
from types import CoroutineType
from unittest.mock import patch

import pytest
from django.test import override_settings

from accounts.credentials import TokenCredential
from realtime.subprotocol import chosen
from tests.attacks import inside
from tests.attacks.inside import all_of
from tests.attacks.test_tokens import let_in_nobody

WHOAMI = "/ws/whoami/"
NO_MESSAGE = (4401, "log in, or send a token as the first message")
NOT_ONE = (4401, "the first message is not an `authenticate`")
INVALID = (4401, "the token is not valid, or has expired")


def within(seconds):
    return override_settings(AUTHENTICATE_WITHIN=seconds)


async def test_who_says_nothing_is_not_waited_for(target, someone):
    """Sockets of nobody, held open by the thousand, cost their memory. The second attacker is told
    to go after the first had as long, and more; without a limit the first is still there."""
    with target.without(within, 0.2):
        async with target.socket(WHOAMI, "pulse.v1") as attacker:
            assert await attacker.closed() == NO_MESSAGE
    username = someone()
    with target.without(within, None):
        async with target.socket(WHOAMI) as attacker:
            assert target.call(waiting, 1) == 1
            target.order("restore")
            with target.without(within, 0.2):
                async with target.socket(WHOAMI) as other:
                    assert await other.closed() == NO_MESSAGE
            await attacker.say("authenticate", token=target.call(inside.access, username))
            assert (await attacker.hear())["username"] == username


def waiting(count: int) -> int:
    """Look, for at most 5 s, until so many connections wait for their first message."""
    deadline = time.monotonic() + 5
    while (found := sum(map(is_wait, gc.get_objects()))) != count and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return found


def is_wait(thing) -> bool:
    return type(thing) is CoroutineType and thing.__name__ == "from_first_message"


def patience():
    """Wait on for a message that will do, on the same socket."""

    async def from_first_message(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept", "subprotocol": chosen(scope)})
        while True:
            event = await receive()
            try:
                raw = json.loads(event["text"])["token"]
                return TokenCredential.read(raw, "message")
            except Exception:  # whatever it was
                continue

    return patch("accounts.middleware.from_first_message", from_first_message)


def message(**fields) -> str:
    return json.dumps({"type": "authenticate", **fields})


FIRST = {
    "another-message": ('{"type": "chat_message", "message": "hello"}', NOT_ONE),
    "our-other-struct": ('{"type": "ping"}', NOT_ONE),
    "binary": (b"\x00\x01", NOT_ONE),
    "binary-json": (b'{"type": "authenticate", "token": "x"}', NOT_ONE),
    "garbage": ("\x00{]", NOT_ONE),
    "a-list": ("[]", NOT_ONE),
    "null": ("null", NOT_ONE),
    "deep": ("[" * 100_000, NOT_ONE),
    "a-long-number": ("9" * 10_000, NOT_ONE),
    "no-token": (message(), NOT_ONE),
    "token-is-null": (message(token=None), NOT_ONE),
    "token-is-a-number": (message(token=7), NOT_ONE),
    "token-is-true": (message(token=True), NOT_ONE),
    "token-is-a-list": (message(token=["x"]), NOT_ONE),
    "token-is-an-object": (message(token={"token": "x"}), NOT_ONE),
    "token-is-empty": (message(token=""), NOT_ONE),
    "token-is-blank": (message(token=" "), NOT_ONE),
    "token-has-a-nul": (message(token="a\0b"), NOT_ONE),
    "token-is-a-surrogate": (message(token="\ud800"), NOT_ONE),
    "token-is-unicode": (message(token="é.é.é"), INVALID),
    "token-is-wrong": (message(token="a.b.c"), INVALID),
}


@pytest.mark.parametrize("first, refused", FIRST.values(), ids=FIRST)
async def test_a_first_message_that_is_no_token_is_the_last(target, someone, first, refused):
    """One try for one socket. Without that, tokens could be tried on one socket without an end."""
    username = someone()
    async with target.socket(WHOAMI, "pulse.v1") as attacker:
        await attacker.send(first)
        assert await attacker.closed() == refused
    with target.without(patience):
        async with target.socket(WHOAMI) as attacker:
            await attacker.send(first)
            await attacker.say("authenticate", token=target.call(inside.access, username))
            assert (await attacker.hear())["username"] == username


async def test_the_consumer_sees_nothing_of_a_stranger(target, someone, own_talk):
    """No answer tells a stranger whether a conversation is there."""
    for path in (own_talk(someone()), "/ws/chat/999999/", "/ws/chat/nowhere/"):
        async with target.socket(path) as attacker:
            await attacker.say(message="hello")
            assert await attacker.closed() == NOT_ONE
    with target.without(let_in_nobody):
        assert (await target.refusal("/ws/chat/nowhere/"))[0] == 4403  # by the consumer


def never_ends():
    """Neither a disconnect nor the time ends the wait."""
    return all_of(within(None), patience())


async def test_who_leaves_while_waited_for_leaves_nothing_behind(target):
    async def leave(since: int) -> None:
        async with target.socket(WHOAMI) as attacker:
            assert target.call(waiting, 1) == 1
            attacker.connection.transport.abort()
        target.wait_for("WSDISCONNECT", since=since)

    since = len(target.output)
    await leave(since)
    assert target.call(waiting, 0) == 0
    assert "Traceback" not in target.output[since:]
    with target.without(never_ends):
        await leave(len(target.output))
        assert await target.refusal(WHOAMI, "bearer.x") == INVALID  # a round through the server
        assert target.call(waiting, 1) == 1
