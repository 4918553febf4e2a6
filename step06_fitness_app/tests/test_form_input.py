"""Whatever comes in at the form coach: the socket survives it, and the coach is not misled."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.poses import body
from tests.test_form import enter, pose
from workouts import services as workouts

pytestmark = pytest.mark.django_db(transaction=True)
POINTS = [list(point) for point in body()]


@pytest.fixture
def workout(people):
    return workouts.start(people["ada"], "strength", "friends")


@pytest.fixture(autouse=True)
def unlimited(monkeypatch) -> None:
    """Nobody is slowed down, nor put out for too many bad messages."""
    monkeypatch.setattr("form.consumers.FormConsumer.rate", (1e6, 1_000_000))
    monkeypatch.setattr("realtime.consumers.BAD_MESSAGES", 10_000)


def frame(type: str = "pose", **fields) -> str:
    return json.dumps({"type": type, **fields})


def with_point(*point) -> str:
    return frame(time=0, points=[point, *POINTS[1:]])


NASTY = {
    "no JSON": ("{", ""),
    "not an object": ("[]", ""),
    "binary": (frame(time=0, points=POINTS).encode(), ""),
    "unknown type": (frame("shout"), "$.type"),
    "a type that only goes out": (frame("form_update", points=POINTS), "$.type"),
    "no time": (frame(points=POINTS), "time"),
    "no points": (frame(time=0), "points"),
    "time is text": (frame(time="0", points=POINTS), "$.time"),
    "negative time": (frame(time=-1, points=POINTS), "$.time"),
    "time without end": ('{"type": "pose", "time": 1e999, "points": []}', ""),
    "NaN": ('{"type": "pose", "time": NaN, "points": []}', ""),
    "seven points": (frame(time=0, points=POINTS[1:]), "$.points"),
    "nine points": (frame(time=0, points=[*POINTS, POINTS[0]]), "$.points"),
    "a point without visibility": (with_point(0, 0), "$.points[0]"),
    "a point with more": (with_point(0, 0, 1, 1), "$.points[0]"),
    "a point of text": (with_point("0", 0, 1), "$.points[0][0]"),
    "a point of null": (with_point(None, 0, 1), "$.points[0][0]"),
    "too far": (with_point(1e7, 0, 1), "$.points[0][0]"),
    "more than seen": (with_point(0, 0, 1.1), "$.points[0][2]"),
    "less than hidden": (with_point(0, 0, -0.1), "$.points[0][2]"),
    "depth": ('{"type": "pose", "time": 0, "points": ' + "[" * 10_000, "$.points[0][0]"),
    "depth in an unknown field": ('{"type": "cue", "text": "a", "x": ' + "[" * 10_000, "nested"),
    "5,000 digits": ('{"type": "pose", "points": [], "time": %s}' % ("9" * 5000), ""),
    "no text": (frame("cue"), "text"),
    "blank": (frame("cue", text=" \n"), "$.text"),
    "too long": (frame("cue", text="x" * 201), "$.text"),
    "NUL": (frame("cue", text="a\0b"), "$.text"),
    "lone surrogate": ('{"type": "cue", "text": "\\ud800"}', ""),
}


async def test_bad_input_is_told_with_its_field_and_the_socket_stays_open(workout):
    async with enter("ada", workout) as here:
        for kind, (data, field) in NASTY.items():
            await here.send(data)
            error = await here.hear()
            assert (error["type"], error["code"]) == ("error", "invalid_message"), kind
            assert field in error["detail"], (kind, error)
        await pose(here, body(0.7))
        assert (await here.get("form_update"))["stage"] == "down"


NUMBERS = st.integers() | st.floats() | st.floats(-1, 2)
ANYTHING = st.none() | st.booleans() | NUMBERS | st.text(max_size=9) | st.lists(NUMBERS)
GOOD = st.builds(
    lambda time, points: frame(time=time, points=points),
    st.floats(0, 1e9),
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1)),
        min_size=8,
        max_size=8,
    ),
)
SQUATS = st.builds(
    lambda time, leg, seen: frame(time=time, points=body(leg, seen=seen)),
    st.floats(0, 10),
    st.floats(0.2, 2),
    st.sampled_from([0.2, 1.0]),
)
FRAMES = st.one_of(
    GOOD,
    SQUATS,
    st.builds(lambda time, points: frame(time=time, points=points), ANYTHING, ANYTHING),
    st.builds(lambda text: frame("cue", text=text), ANYTHING | st.text(max_size=250)),
    st.text(),
    st.binary(max_size=20),
    st.sampled_from(sorted(NASTY)).map(lambda kind: NASTY[kind][0]),
)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frames=st.lists(FRAMES, max_size=40), name=st.sampled_from(["ada", "tom"]))
async def test_generated_frames_leave_the_socket_open(workout, frames, name):
    async with enter(name, workout) as here:
        for data in frames:
            await here.send(data)
        await here.send(frame("ping"))
        heard = await here.until("pong")
        assert {frame["type"] for frame in heard[:-1]} <= {"error", "form_update", "form_cue"}
        codes = {frame["code"] for frame in heard if frame["type"] == "error"}
        assert codes <= {"invalid_message", "not_allowed", "too_fast"}
