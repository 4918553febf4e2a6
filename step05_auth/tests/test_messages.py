"""Whatever comes in: the socket survives it, and nothing wrong is stored."""

import json
import re
import string

import pytest
from channels.db import database_sync_to_async as in_thread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import enter

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_limits")]


def frame(type: str = "chat_message", **fields) -> str:
    return json.dumps({"type": type, **fields})


NASTY = {
    "no JSON": "{",
    "nothing": "",
    "not an object": "[]",
    "a string": '"chat_message"',
    "binary": frame(message="hello").encode(),
    "binary that is no text": b"\xff\x00",
    "no type": '{"message": "hello"}',
    "unknown type": frame("shout", message="hello"),
    "a type that only goes out": frame("user_left", username="ada", online=0),
    "a type of the group's": frame("stored", number=1, text="forged"),
    "a type that is no string": '{"type": 1, "message": "hello"}',
    "no message": frame(),
    "message is null": frame(message=None),
    "message is a list": frame(message=["hello"]),
    "empty": frame(message=""),
    "blank": frame(message=" \n\t "),
    "too long": frame(message="x" * 2001),
    "NUL": frame(message="a\0b"),
    "NUL in client_id": frame(message="hello", client_id="a\0b"),
    "client_id too long": frame(message="hello", client_id="x" * 65),
    "client_id is a number": frame(message="hello", client_id=1),
    "lone surrogate, escaped": '{"type": "chat_message", "message": "a\\ud800b"}',
    "lone low surrogate, escaped": '{"type": "chat_message", "message": "\\udc00"}',
    "lone surrogate in client_id": '{"type":"chat_message","message":"a","client_id":"\\ud800"}',
    "NaN": '{"type": "history", "before": NaN}',
    "Infinity": '{"type": "history", "before": Infinity}',
    "5,000 digits": '{"type": "history", "before": %s}' % ("9" * 5000),
    "an exponent": '{"type": "history", "before": 1e400}',
    "a fraction": '{"type": "history", "before": 1.5}',
    "negative": frame("history", before=-1),
    "beyond a database's numbers": frame("history", before=2**63),
    "before is text": frame("history", before="1"),
    "depth": '{"type": "chat_message", "message": ' + "[" * 100_000,
    "depth in an unknown field": '{"type":"chat_message","message":"a","x":' + "[" * 100_000,
    "is_typing is a number": frame("typing", is_typing=1),
    "private to nobody": frame("private_message", message="hello"),
    "private to a blank": frame("private_message", to=" ", message="hello"),
    "private with a NUL": frame("private_message", to="ada\0", message="hello"),
    "authenticate without a token": frame("authenticate"),
    "authenticate with a blank": frame("authenticate", token=" "),
    "authenticate with 64 KiB": frame("authenticate", token="x" * 65536),
    "private and too long": frame("private_message", to="ada", message="x" * 2001),
}


async def test_bad_input_is_told_and_the_socket_stays_open(lobby):
    async with enter("ada") as ada:
        for kind, data in NASTY.items():
            await ada.send(data)
            error = await ada.get("error")
            assert error["code"] == "invalid_message", kind
            assert error["detail"], kind
        assert await ada.said("still here") == 1
    async with enter("ada") as again:
        assert [message["message"] for message in again.first["messages"]] == ["still here"]


async def test_a_lone_surrogate_inside_a_server_is_refused_too(lobby):
    """No network brings it so, but an ASGI server could."""
    async with enter("ada") as ada:
        await ada.send(frame(message="a")[:-2] + '\ud800"}')
        assert (await ada.get("error"))["code"] == "invalid_message"


async def test_the_error_names_the_field(lobby):
    async with enter("ada") as person:
        for data, field in [
            (frame(message=1), "$.message"),
            (frame(message="\0"), "$.message"),
            (frame(message="a", client_id=""), "$.client_id"),
            (frame("history", before="1"), "$.before"),
            (frame("typing"), "is_typing"),
        ]:
            await person.send(data)
            assert field in (await person.get("error"))["detail"]


@pytest.mark.parametrize("type", ["secret", "' - at secret", "secret\n"])
async def test_the_error_does_not_repeat_what_was_sent(lobby, type):
    async with enter("ada") as person:
        await person.send(frame(type))
        assert (await person.get("error"))["detail"] == "Invalid value - at `$.type`"


@pytest.mark.parametrize(
    "text",
    ["x" * 2000, "😀" * 2000, "<b>x</b>", "a\u2028b", "\x1b[31m", "'; DROP TABLE", "{"],
    ids=lambda text: ascii(text[:9]),
)
async def test_text_is_kept_to_the_letter(lobby, text):
    async with enter("ada") as person:
        await person.say(message=text)
        assert (await person.get("chat_message"))["message"] == text
        async with enter("ada") as other:
            assert other.first["messages"][0]["message"] == text


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.text(st.characters(categories=["Cs", "Cc"]), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
TYPES = st.sampled_from(
    ["chat_message", "private_message", "typing", "history", "ack", "stored", "authenticate"]
)
FIELDS = st.sampled_from(
    ["message", "client_id", "to", "is_typing", "before", "type", "number", "token"]
)
OBJECTS = st.builds(
    lambda type, fields: {"type": type, **fields}, TYPES, st.dictionaries(FIELDS, JSON_VALUES)
)
FRAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(string.printable + "{}[]\\"),
    st.binary(max_size=40),
    JSON_VALUES.map(json.dumps),  # lone surrogates become \ud800, floats NaN and Infinity
    OBJECTS.map(json.dumps),
    st.builds(lambda text: frame(message=text), st.text(min_size=1, max_size=40)),
    st.builds(
        lambda text, id: frame(message=text, client_id=id),
        st.text(st.characters(), min_size=1, max_size=2100),
        st.text(max_size=70),
    ),
    st.sampled_from(sorted(NASTY)).map(NASTY.get),
)


# --8<-- [start:generated]
@settings(
    max_examples=20,  # of 50 frames: 1,000
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frames=st.lists(FRAMES, min_size=50, max_size=50))
async def test_1000_generated_frames_leave_the_socket_open_and_the_room_clean(make_room, frames):
    from rooms.models import Message, Room

    await Room.objects.all().adelete()
    await in_thread(make_room)()
    async with enter("ada") as ada:
        for data in frames:
            await ada.send(data)
        await ada.say(message="the last one", client_id="ours: never generated, it is too unlike")
        said = await ada.until("ack", client_id="ours: never generated, it is too unlike")
        assert "closing" not in [heard["type"] for heard in said]
    kept = [message async for message in Message.objects.select_related("user").order_by("number")]
    assert [message.number for message in kept] == list(range(1, len(kept) + 1))
    assert len(kept) == len({heard["number"] for heard in said if heard["type"] == "ack"})
    for message in kept:
        assert message.user.username == "ada"
        assert message.text.strip() and len(message.text) <= 2000
        assert message.client_id is None or 0 < len(message.client_id) <= 64
        assert not re.search("[\0\ud800-\udfff]", message.text + (message.client_id or ""))


# --8<-- [end:generated]
