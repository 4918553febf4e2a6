"""Too much, too often, too long, too deep: what one person can do to everybody else."""

import gc
import json
import threading
import time
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from channels.layers import get_channel_layer
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import override_settings

from chat import messages as wire
from realtime import groups
from realtime.consumers import PersonConsumer
from tests.attacks import inside
from tests.attacks.inside import all_of
from tests.people import Closed

WHOAMI = "/ws/whoami/"
TOO_FAST = (4429, "too fast; come back in a minute")


MAX_MESSAGE_LENGTH = settings.MAX_MESSAGE_LENGTH


def cookie(target, username: str) -> dict:
    return {"cookie": target.call(inside.cookie, username)}


def limits(**changed):
    """Small limits, in a minute that does not end."""
    return all_of(override_settings(**changed), patch("realtime.limits.time", lambda: 1e9))


def nothing_yet(keys, place=None):
    return [0 for _ in keys] + ([True] if place else [])


def limit(name: str, value: int, is_counted: bool = True):
    uncounted = patch("realtime.limits.counted", nothing_yet)
    return all_of(limits(**{name: value}), *([] if is_counted else [uncounted]))


# Messages


def throw(socket, count: int) -> None:
    """So many messages at once, without a look at what comes back."""
    protocol = socket.connection.protocol
    for number in range(count):
        text = json.dumps({"type": "chat_message", "message": f"spam {number}"})
        protocol.send_text(text.encode())
    socket.connection.transport.write(b"".join(protocol.data_to_send()))


def no_bucket():
    return patch("realtime.limits.Bucket.take", lambda self: True)


async def test_ten_thousand_messages_end_after_a_few(target, someone, own_talk):
    attacker, victim = someone(), someone()
    spammed, quiet = own_talk(attacker), own_talk(victim)
    async with (
        target.socket(quiet, **cookie(target, victim)) as other,
        target.socket(spammed, **cookie(target, attacker)) as socket,
    ):
        await other.get("chat_history")
        await socket.get("chat_history")
        began = time.monotonic()
        throw(socket, 10_000)
        assert await other.said("is anybody there?") == 1  # answered, meanwhile
        frames = await socket.until("closing")
        took = time.monotonic() - began
        assert (frames[-1]["code"], frames[-1]["reason"]) == TOO_FAST
        with pytest.raises(Closed) as closed:
            await socket.hear()
        assert closed.value.code == 4429
    warnings = [frame for frame in frames if frame.get("code") == "too_fast"]
    assert [warning["detail"] for warning in warnings] == ["wait a moment"] * 5
    stored = target.call(inside.how_many, spammed)
    assert 30 <= stored <= 31 + 10 * took

    spammed = own_talk(attacker)
    with target.without(no_bucket):
        async with target.socket(spammed, **cookie(target, attacker)) as socket:
            await socket.get("chat_history")
            throw(socket, 100)
            await socket.get("chat_message", number=100)
    assert target.call(inside.how_many, spammed) == 100


async def test_a_reconnect_does_not_begin_a_new_count(target, someone, own_talk):
    """The bucket is a connection's own; the count of the minute is the person's."""
    username = someone()
    path, way = own_talk(username), cookie(target, username)

    async def one_more() -> str:
        async with target.socket(path, **way) as socket:
            await socket.get("chat_history")
            await socket.say(message="spam")
            while (frame := await socket.hear())["type"] not in ("ack", "error"):
                pass
            return frame.get("detail", "stored")

    with target.without(limit, "USER_MESSAGES_PER_MINUTE", 3):
        answers = [await one_more() for _ in range(5)]
    assert answers == ["stored"] * 3 + ["no more than 3 messages a minute"] * 2
    with target.without(limit, "USER_MESSAGES_PER_MINUTE", 3, False):
        assert [await one_more() for _ in range(5)] == ["stored"] * 5


def few_renewals(is_counted: bool = True):
    few = patch("realtime.rights.RENEWALS_PER_MINUTE", 2)
    return all_of(few, limit("USER_MESSAGES_PER_MINUTE", 300, is_counted))


async def test_who_renews_on_and_on_has_to_wait(target, someone):
    """Each renewal asks the database, on the thread that all sockets share."""
    way = cookie(target, someone())

    async def codes() -> list[str]:
        async with target.socket(WHOAMI, **way) as socket:
            await socket.get("whoami")
            answers = []
            for _ in range(4):
                await socket.say("authenticate", token="none")
                answers.append((await socket.get("error"))["code"])
            return answers

    with target.without(few_renewals):
        assert await codes() == ["not_authenticated"] * 2 + ["too_fast"] * 2
    with target.without(few_renewals, False):
        assert await codes() == ["not_authenticated"] * 4


# Connections


async def test_who_reconnects_on_and_on_is_sent_away(target, someone):
    way = cookie(target, someone())
    with target.without(limit, "CONNECTS_PER_MINUTE", 3):
        frames = [await target.first_frame(WHOAMI, **way) for _ in range(5)]
    assert [frame["type"] for frame in frames] == ["whoami"] * 3 + ["closing"] * 2
    assert frames[-1]["reason"] == "no more than 3 connections a minute"
    assert frames[-1]["code"] == 4429
    with target.without(limit, "CONNECTS_PER_MINUTE", 3, False):
        frames = [await target.first_frame(WHOAMI, **way) for _ in range(5)]
    assert [frame["type"] for frame in frames] == ["whoami"] * 5


def no_slots():
    return all_of(
        override_settings(CONNECTIONS_PER_USER=2),
        patch("realtime.limits.take_slot", lambda user_id: SimpleNamespace(until=0)),
    )


async def test_one_person_has_so_many_connections(target, someone):
    way = cookie(target, someone())
    full = (4429, "no more than 2 connections at once")
    with target.without(limit, "CONNECTIONS_PER_USER", 2):
        async with target.socket(WHOAMI, **way) as one, target.socket(WHOAMI, **way) as other:
            assert [(await one.hear())["type"], (await other.hear())["type"]] == ["whoami"] * 2
            assert await target.refusal(WHOAMI, **way) == full
    with target.without(no_slots):
        async with target.socket(WHOAMI, **way) as one, target.socket(WHOAMI, **way) as other:
            assert [(await one.hear())["type"], (await other.hear())["type"]] == ["whoami"] * 2
            assert (await target.first_frame(WHOAMI, **way))["type"] == "whoami"


def one_connection(give_back=True):
    """A limit of one, and a handler that crashes."""

    async def renew(self, raw):
        raise RuntimeError("a crash on purpose")

    contexts = [limits(CONNECTIONS_PER_USER=1), patch.object(PersonConsumer, "renew", renew)]
    if not give_back:
        contexts.append(patch.object(PersonConsumer, "give_back"))
    return all_of(*contexts)


def until_free(username: str) -> bool:
    """Look, for at most 2 s, until somebody has no slot and no socket in their group."""
    user_id, deadline = User.objects.get(username=username).pk, time.monotonic() + 2

    def is_there() -> bool:
        return (
            bool(cache.get(f"limits.slot.{user_id}.0"))
            or groups.person(user_id) in get_channel_layer().groups
        )

    while is_there() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return not is_there()


@pytest.mark.parametrize("end", ["close", "abort", "crash"])
async def test_a_lost_connection_gives_back_what_it_took(target, someone, end):
    """Else a crash, or a cable that is pulled, keeps its person out."""
    username = someone()
    way = cookie(target, username)

    async def come_and_go() -> None:
        async with target.socket(WHOAMI, **way) as socket:
            assert (await socket.hear())["type"] == "whoami"
            if end == "abort":
                socket.connection.transport.abort()
            elif end == "crash":
                await socket.say("authenticate", token="x")
                with pytest.raises(Closed) as closed:
                    await socket.hear()
                assert closed.value.code == 1011

    with target.without(one_connection):
        await come_and_go()
        assert target.call(until_free, username)
        assert (await target.first_frame(WHOAMI, **way))["type"] == "whoami"
        assert target.call(until_free, username)
    with target.without(one_connection, False):
        await come_and_go()
        assert not target.call(until_free, username)
        refused = (4429, "no more than 1 connections at once")
        assert await target.refusal(WHOAMI, **way) == refused


# Bad messages


def never_too_many():
    return patch("realtime.limits.Row.is_full", lambda self: False)


async def test_the_twentieth_bad_message_is_the_last(target, someone):
    way = cookie(target, someone())

    async def answers() -> list[str]:
        async with target.socket(WHOAMI, **way) as socket:
            await socket.hear()
            for _ in range(21):
                await socket.send("{")
            return [(await socket.hear())["type"] for _ in range(21)]

    assert await answers() == ["error"] * 20 + ["closing"]
    with target.without(never_too_many):
        assert await answers() == ["error"] * 21


def careless_decode():
    """`json.loads`, and the fields as they come."""

    def decode(text):
        fields = json.loads(text)
        if fields["type"] == "history":
            return wire.AskHistory(fields["before"])
        return wire.SendMessage(fields["message"], fields.get("client_id"))

    return patch("chat.messages.decode", decode)


# Python 3.13 still reads a depth of 7,000; the longest message could have twice that.
DEEP = '{"type":"chat_message","message":"x","more":' + "[" * 15_000 + "]" * 15_000 + "}"
CRASHES = {
    "deep": DEEP,
    "a-number-of-5000-digits": '{"type":"history","before":' + "9" * 5000 + "}",
    "nan": '{"type":"history","before":NaN}',
    "a-surrogate": '{"type":"chat_message","message":"\\ud800"}',
    "a-surrogate-in-an-id": '{"type":"chat_message","message":"x","client_id":"\\udfff"}',
    "binary": b'{"type":"chat_message","message":"x"}',
    "no-object": "[]",
    "no-json": "{",
    "no-type": '{"message":"x"}',
    "no-message": '{"type":"chat_message"}',
}
STORED = {
    "type-is-a-list": '{"type":["chat_message"],"message":"x"}',
    "message-is-an-object": '{"type":"chat_message","message":{}}',
    "nul": '{"type":"chat_message","message":"a\\u0000b"}',
    "blank": '{"type":"chat_message","message":" \\n"}',
    "2001-characters": '{"type":"chat_message","message":"' + "x" * 2001 + '"}',
    "a-client-id-of-65": '{"type":"chat_message","message":"x","client_id":"' + "c" * 65 + '"}',
}


@pytest.mark.parametrize("frame", [*CRASHES.values(), *STORED.values()], ids=[*CRASHES, *STORED])
async def test_a_bad_message_ends_and_changes_nothing(target, someone, own_talk, frame):
    username = someone()
    path, way = own_talk(username), cookie(target, username)
    async with target.socket(path, **way) as socket:
        await socket.get("chat_history")
        await socket.send(frame)
        error = await socket.hear()
        assert (error["type"], error["code"]) == ("error", "invalid_message")
        assert await socket.said("still here") == 1
    with target.without(careless_decode):
        async with target.socket(path, **way) as socket:
            await socket.get("chat_history")
            await socket.send(frame)
            if frame in STORED.values():
                await socket.get("ack")
            else:
                with pytest.raises(Closed) as closed:
                    await socket.hear()
                assert closed.value.code == 1011
    assert target.call(inside.how_many, path) == 1 + (frame in STORED.values())


# Length


def any_length():
    return override_settings(MAX_MESSAGE_LENGTH=10**7)


async def test_a_message_above_the_limit_is_not_read(target, someone, own_talk):
    username = someone()
    path, way = own_talk(username), cookie(target, username)
    text, longest = json.dumps({"type": "chat_message", "message": "x"}), MAX_MESSAGE_LENGTH
    async with target.socket(path, **way) as socket:
        await socket.get("chat_history")
        await socket.send(text.ljust(longest))  # spaces count as anything does
        await socket.get("ack", number=1)
        await socket.send(text.ljust(longest + 1))
        error = await socket.get("error")
        assert error["detail"] == f"longer than {longest} characters"
        with target.without(any_length):
            await socket.send(text.ljust(longest + 1))
            await socket.get("ack", number=2)


def daphne_without(name: str, value):
    """Daphne makes each connection's options from its one factory."""
    (factory,) = (thing for thing in gc.get_objects() if type(thing) is WebSocketFactory)
    return patch.object(factory, name, value)


def any_size():
    names = ("maxFramePayloadSize", "maxMessagePayloadSize")
    return all_of(any_length(), *(daphne_without(name, 0) for name in names))


async def test_a_frame_above_a_mebibyte_does_not_get_in(target, someone, own_talk):
    """Daphne closes at its head, before the rest is in memory."""
    username = someone()
    path, way = own_talk(username), cookie(target, username)
    text = json.dumps({"type": "chat_message", "message": "x"}).ljust(2**20 + 1)
    async with target.socket(path, **way) as socket:
        await socket.get("chat_history")
        await socket.send(text)
        with pytest.raises(Closed) as closed:
            await socket.hear()
        assert closed.value.code == 1006  # dropped, without a word
    with target.without(any_size):
        async with target.socket(path, **way) as socket:
            await socket.get("chat_history")
            await socket.send(text)
            assert (await socket.get("ack"))["number"] == 1


def any_bytes():
    """Autobahn validates each frame, and Daphne decodes it strictly: both gone."""

    def onMessage(self, payload, isBinary):  # noqa: N802  Autobahn's name
        text = payload.decode("utf8", errors="replace")
        self.application_queue.put_nowait({"type": "websocket.receive", "text": text})

    validation = daphne_without("utf8validateIncoming", False)
    return all_of(validation, patch.object(WebSocketProtocol, "onMessage", onMessage))


async def test_what_is_no_utf_8_does_not_get_in(target, someone, own_talk):
    username = someone()
    path, way = own_talk(username), cookie(target, username)

    def send(socket) -> None:
        protocol = socket.connection.protocol
        protocol.send_text(b'{"type":"chat_message","message":"\xff"}')
        socket.connection.transport.write(b"".join(protocol.data_to_send()))

    async with target.socket(path, **way) as socket:
        await socket.get("chat_history")
        send(socket)
        with pytest.raises(Closed) as closed:
            await socket.hear()
        assert closed.value.code == 1006  # dropped, without a word
    assert target.call(inside.texts, path) == []
    with target.without(any_bytes):
        async with target.socket(path, **way) as socket:
            await socket.get("chat_history")
            send(socket)
            await socket.get("ack", number=1)
    assert target.call(inside.texts, path) == [[username, "\ufffd"]]
