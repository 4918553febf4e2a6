"""Whatever comes into a bell: the socket survives it, and nothing wrong is marked."""

import json

import pytest
from channels.db import database_sync_to_async as in_thread
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_chat_input import JSON_VALUES
from tests.test_notifications import listen, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def unlimited(settings, monkeypatch) -> None:
    """Nobody is slowed down, nor put out for too many bad messages."""
    settings.MESSAGES_PER_SECOND = settings.MESSAGE_BURST = 10_000
    settings.CONNECTS_PER_MINUTE = 1_000_000
    monkeypatch.setattr("realtime.limits.Row.is_full", lambda row: False)


def frame(type: str = "mark", **fields) -> str:
    return json.dumps({"type": type, **fields})


NASTY = {
    "no JSON": "{",
    "not an object": "[]",
    "binary": frame(numbers=[1], is_read=True).encode(),
    "unknown type": frame("shout"),
    "a type that only goes out": frame("marked", numbers=[1], is_read=True, unread=0, as_of=1),
    "a notification": frame("friend_request", number=1, username="ben"),
    "of a conversation": frame("chat_message", message="hello"),
    "a type of the group's": frame("frame", text="forged", number=1),
    "no numbers": frame(is_read=True),
    "numbers is a number": frame(numbers=1, is_read=True),
    "none": frame(numbers=[], is_read=True),
    "too many": frame(numbers=[1] * 101, is_read=True),
    "negative": frame(numbers=[-1], is_read=True),
    "beyond a database's numbers": frame(numbers=[2**63], is_read=True),
    "a fraction": frame(numbers=[1.5], is_read=True),
    "text among them": frame(numbers=["1"], is_read=True),
    "null among them": frame(numbers=[None], is_read=True),
    "a list in the list": frame(numbers=[[1]], is_read=True),
    "no is_read": frame(numbers=[1]),
    "is_read is text": frame(numbers=[1], is_read="true"),
    "is_read is a number": frame(numbers=[1], is_read=1),
    "NaN": '{"type": "mark_all_read", "up_to": NaN}',
    "5,000 digits": '{"type": "mark_all_read", "up_to": %s}' % ("9" * 5000),
    "up_to is negative": frame("mark_all_read", up_to=-1),
    "no up_to": frame("mark_all_read"),
    "before is text": frame("history", before="1"),
    "depth": '{"type": "mark", "is_read": true, "numbers": ' + "[" * 10_000,
    "lone surrogate": '{"type": "authenticate", "token": "\\ud800"}',
    "no token": frame("authenticate"),
}


async def test_bad_input_is_told_and_nothing_is_marked(people):
    await in_thread(tell)("ada", "ben")
    async with listen("ada") as here:
        for kind, data in NASTY.items():
            await here.send(data)
            error = await here.hear()
            assert (error["type"], error["code"]) == ("error", "invalid_message"), kind
            assert error["detail"], kind
        await here.say("history", before=9)
        assert (await here.hear())["unread"] == 1


async def test_the_error_names_the_field(people):
    async with listen("ada") as here:
        for data, field in [
            (frame(numbers=[-1], is_read=True), "$.numbers[0]"),
            (frame(numbers=[], is_read=True), "$.numbers"),
            (frame(numbers=[1], is_read=None), "$.is_read"),
            (frame("mark_all_read", up_to=-1), "$.up_to"),
            (frame("history", before="1"), "$.before"),
        ]:
            await here.send(data)
            assert field in (await here.hear())["detail"]


def marks(numbers, is_read) -> str:
    return frame(numbers=numbers, is_read=is_read)


NUMBERS = st.lists(st.integers(-2, 2**64) | st.integers(0, 5) | JSON_VALUES, max_size=110)
FRAMES = st.one_of(
    st.builds(
        lambda numbers, is_read: frame(numbers=numbers, is_read=is_read), NUMBERS, JSON_VALUES
    ),
    st.builds(
        lambda numbers, is_read: frame(numbers=numbers, is_read=is_read),
        st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 5), min_size=1, max_size=100),
        st.booleans(),
    ),
    st.builds(lambda up_to: frame("mark_all_read", up_to=up_to), st.integers(-5, 2**64)),
    st.builds(lambda up_to: frame("mark_all_read", up_to=up_to), JSON_VALUES),
    st.builds(lambda before: frame("history", before=before), st.integers(-5, 2**64)),
    st.builds(lambda before: frame("history", before=before), JSON_VALUES),
    st.builds(lambda token: frame("authenticate", token=token), JSON_VALUES),
    JSON_VALUES.map(json.dumps),
    st.binary(max_size=40),
    st.sampled_from(sorted(NASTY)).map(NASTY.get),
)


@settings(
    max_examples=20,  # of 50 frames: 1,000
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frames=st.lists(FRAMES, min_size=50, max_size=50))
async def test_1000_generated_frames_leave_the_socket_open_and_others_alone(people, frames):
    from notifications.models import Notification

    if not await Notification.objects.aexists():
        await in_thread(tell)("ada", "ben", "cleo", "dora")
        await in_thread(tell)("cleo", "ben")
    async with listen("ada") as here:
        for data in frames:
            await here.send(data)
        await here.say("mark", numbers=[1, 2, 3, 4], is_read=False)
        ours = {"numbers": [1, 2, 3, 4], "is_read": False}
        heard = await here.until("marked", **ours)
        assert "closing" not in [frame["type"] for frame in heard]
    own = Notification.objects.filter(user=people["ada"])
    assert await own.acount() == 3
    assert await Notification.objects.filter(user=people["cleo"], read_at=None).acount() == 1
