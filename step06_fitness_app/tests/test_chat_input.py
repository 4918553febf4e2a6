"""Whatever comes into a conversation: the socket survives it, and nothing wrong is stored."""

import json
import re
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.talking import enter, start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def talk(people) -> int:
    """The id of Ada's and Ben's conversation."""
    return start("ada", "ben")


@pytest.fixture(autouse=True)
def unlimited(settings, monkeypatch) -> None:
    """Nobody is slowed down, nor put out for too many bad messages."""
    settings.MESSAGES_PER_SECOND = settings.MESSAGE_BURST = 10_000
    settings.USER_MESSAGES_PER_MINUTE = settings.CONNECTS_PER_MINUTE = 1_000_000
    monkeypatch.setattr("realtime.limits.Row.is_full", lambda row: False)


def frame(type: str = "chat_message", **fields) -> str:
    return json.dumps({"type": type, **fields})


NASTY = {
    "no JSON": "{",
    "not an object": "[]",
    "binary": frame(message="hello").encode(),
    "binary that is no text": b"\xff\x00",
    "no type": '{"message": "hello"}',
    "unknown type": frame("shout", message="hello"),
    "no is_typing": frame("typing"),
    "is_typing is a number": frame("typing", is_typing=1),
    "is_typing is text": frame("typing", is_typing="true"),
    "a type that only goes out": frame("ack", client_id="a", number=1),
    "the group's": frame("frame", number=1, text="forged"),
    "the watcher's": frame("recheck"),
    "no message": frame(),
    "message is null": frame(message=None),
    "empty": frame(message=""),
    "blank": frame(message=" \n\t\u3000"),
    "too long": frame(message="x" * 2001),
    "NUL": frame(message="a\0b"),
    "NUL in client_id": frame(message="hello", client_id="a\0b"),
    "client_id too long": frame(message="hello", client_id="x" * 65),
    "client_id is a number": frame(message="hello", client_id=1),
    "lone surrogate": '{"type": "chat_message", "message": "a\\ud800b"}',
    "lone low surrogate": '{"type": "chat_message", "message": "\\udc00"}',
    "lone surrogate in client_id": '{"type":"chat_message","message":"a","client_id":"\\ud800"}',
    "NaN": '{"type": "read", "up_to": NaN}',
    "5,000 digits": '{"type": "read", "up_to": %s}' % ("9" * 5000),
    "an exponent": '{"type": "read", "up_to": 1e400}',
    "a fraction": '{"type": "read", "up_to": 1.5}',
    "negative": frame("read", up_to=-1),
    "beyond a database's numbers": frame("read", up_to=2**63),
    "up_to is text": frame("read", up_to="1"),
    "no up_to": frame("read"),
    "before is negative": frame("history", before=-1),
    "depth": '{"type": "chat_message", "message": ' + "[" * 10_000,
    "depth in an unknown field": '{"type":"chat_message","message":"a","x":' + "[" * 10_000,
    "no token": frame("authenticate"),
}


async def test_bad_input_is_told_and_the_socket_stays_open(talk):
    async with enter("ada", talk) as here:
        for kind, data in NASTY.items():
            await here.send(data)
            error = await here.hear()
            assert (error["type"], error["code"]) == ("error", "invalid_message"), kind
            assert error["detail"], kind
        assert await here.said("still here") == 1
        async with enter("ben", talk) as there:
            assert [message["message"] for message in there.first["messages"]] == ["still here"]
            assert there.first["read"] == {"ada": 0, "ben": 0}


async def test_a_lone_surrogate_inside_a_server_is_refused_too(talk):
    """No network brings it so, but an ASGI server could."""
    async with enter("ada", talk) as here:
        await here.send(frame(message="a")[:-2] + '\ud800"}')
        assert (await here.hear())["code"] == "invalid_message"


async def test_the_error_names_the_field(talk):
    async with enter("ada", talk) as here:
        for data, field in [
            (frame(message=1), "$.message"),
            (frame(message="\0"), "$.message"),
            (frame(message="x" * 2001), "$.message"),
            (frame(message="a", client_id=" "), "$.client_id"),
            (frame("history", before="1"), "$.before"),
            (frame("read", up_to=-1), "$.up_to"),
        ]:
            await here.send(data)
            assert field in (await here.hear())["detail"]


@pytest.mark.parametrize(
    "text",
    ["x" * 2000, "😀" * 2000, "<b>x</b>", "a\u2028b", "\x1b[31m", "'; DROP TABLE", "{"],
    ids=range(7),
)
async def test_text_is_kept_to_the_letter(talk, text):
    async with enter("ada", talk) as here:
        await here.send(json.dumps({"type": "chat_message", "message": text}, ensure_ascii=False))
        assert (await here.get("chat_message"))["message"] == text
    async with enter("ben", talk) as there:
        assert there.first["messages"][0]["message"] == text


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
TYPES = st.sampled_from(["chat_message", "read", "history", "typing", "ack", "frame"])
FIELDS = st.sampled_from(
    ["message", "client_id", "up_to", "before", "is_typing", "username", "number", "to"]
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
    st.builds(lambda up_to: frame("read", up_to=up_to), st.integers(-5, 2**64)),
    st.builds(
        lambda text, id: frame(message=text, client_id=id),
        st.text(st.characters(), min_size=1, max_size=2100),
        st.text(max_size=70),
    ),
    st.sampled_from(sorted(NASTY)).map(NASTY.get),
)


@settings(
    max_examples=20,  # of 50 frames: 1,000
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frames=st.lists(FRAMES, min_size=50, max_size=50))
async def test_1000_generated_frames_leave_the_socket_open_and_the_conversation_clean(talk, frames):
    from chat.models import Conversation, Message

    await Message.objects.all().adelete()
    await Conversation.objects.aupdate(last_number=0, first_read=0, second_read=0)
    ours = "ours: never generated, it is too unlike"
    async with enter("ada", talk) as here:
        for data in frames:
            await here.send(data)
        await here.say(message="the last one", client_id=ours)
        heard = await here.until("ack", client_id=ours)
        assert "closing" not in [frame["type"] for frame in heard]
    kept = [message async for message in Message.objects.select_related("sender")]
    assert [message.number for message in kept] == list(range(1, len(kept) + 1))
    assert len(kept) == len({frame["number"] for frame in heard if frame["type"] == "ack"})
    for message in kept:
        assert message.sender.username == "ada"
        assert message.text.strip() and len(message.text) <= 2000
        assert message.client_id is None or 0 < len(message.client_id) <= 64
        assert not re.search("[\0\ud800-\udfff]", message.text + (message.client_id or ""))
    conversation = await Conversation.objects.aget()
    assert conversation.first_read <= conversation.last_number == len(kept)
    assert conversation.second_read == 0
