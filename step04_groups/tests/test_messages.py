"""Whatever comes in: the socket survives it, and nothing wrong is stored."""

import json
import re
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.guests import enter

pytestmark = pytest.mark.django_db(transaction=True)


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
    "a type that only goes out": frame("user_left", username="Ann", online=0),
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
    "private with a NUL": frame("private_message", to="Ann\0", message="hello"),
    "private and too long": frame("private_message", to="Ann", message="x" * 2001),
}


@pytest.mark.task(
    title="Answer bad input and stay open",
    hint="Decode and check in one place. Whatever it raises, RecursionError and plain ValueError "
    'too, becomes {"type": "error", "code": "invalid_message", "detail": …}.',
    page="steps/step04_groups/#b-store-commit-broadcast",
    part="B",
)
async def test_bad_input_is_told_and_the_socket_stays_open(make_room):
    await make_room()
    async with enter(name="Ann") as ann:
        for kind, data in NASTY.items():
            await ann.send(data)
            error = await ann.get("error")
            assert error["code"] == "invalid_message", kind
            assert error["detail"], kind
        assert await ann.said("still here") == 1
    async with enter() as next_guest:
        assert [message["message"] for message in next_guest.first["messages"]] == ["still here"]


async def test_a_lone_surrogate_inside_a_server_is_refused_too(lobby):
    """No network brings it so, but an ASGI server could."""
    async with enter(name="Ann") as ann:
        await ann.send(frame(message="a")[:-2] + '\ud800"}')
        assert (await ann.get("error"))["code"] == "invalid_message"


async def test_the_error_names_the_field(lobby):
    async with enter() as guest:
        for data, field in [
            (frame(message=1), "$.message"),
            (frame(message="\0"), "$.message"),
            (frame(message="a", client_id=""), "$.client_id"),
            (frame("history", before="1"), "$.before"),
            (frame("typing"), "is_typing"),
        ]:
            await guest.send(data)
            assert field in (await guest.get("error"))["detail"]


@pytest.mark.parametrize("type", ["secret", "' - at secret", "secret\n"])
async def test_the_error_does_not_repeat_what_was_sent(lobby, type):
    async with enter() as guest:
        await guest.send(frame(type))
        assert (await guest.get("error"))["detail"] == "Invalid value - at `$.type`"


@pytest.mark.parametrize(
    "text",
    ["x" * 2000, "😀" * 2000, "<b>x</b>", "a\u2028b", "\x1b[31m", "'; DROP TABLE", "{"],
)
async def test_text_is_kept_to_the_letter(lobby, text):
    async with enter() as guest:
        await guest.say(message=text)
        assert (await guest.get("chat_message"))["message"] == text
        async with enter() as other:
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
TYPES = st.sampled_from(["chat_message", "private_message", "typing", "history", "ack", "stored"])
FIELDS = st.sampled_from(["message", "client_id", "to", "is_typing", "before", "type", "number"])
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
    max_examples=40,  # of 50 frames: 2,000
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frames=st.lists(FRAMES, min_size=50, max_size=50))
async def test_2000_generated_frames_leave_the_socket_open_and_the_room_clean(make_room, frames):
    from rooms.models import Message, Room

    await Room.objects.all().adelete()
    await make_room()
    async with enter(name="Ann") as ann:
        for data in frames:
            await ann.send(data)
        await ann.say(message="the last one", client_id="ours: never generated, it is too unlike")
        said = await ann.until("ack", client_id="ours: never generated, it is too unlike")
        assert "closing" not in [heard["type"] for heard in said]
    kept = [message async for message in Message.objects.order_by("number")]
    assert [message.number for message in kept] == list(range(1, len(kept) + 1))
    assert len(kept) == len({heard["number"] for heard in said if heard["type"] == "ack"})
    for message in kept:
        assert message.username == "Ann"
        assert message.text.strip() and len(message.text) <= 2000
        assert message.client_id is None or 0 < len(message.client_id) <= 64
        assert not re.search("[\0\ud800-\udfff]", message.text + (message.client_id or ""))


# --8<-- [end:generated]
