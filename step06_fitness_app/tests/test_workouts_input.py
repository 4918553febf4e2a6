"""Whatever comes into a workout: the socket survives it, and nothing wrong is stored."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime.messages import InvalidMessage
from tests.working_out import stored, training
from workouts import messages as wire

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def unlimited(no_limits, monkeypatch) -> None:
    monkeypatch.setattr("workouts.consumers.WorkoutConsumer.rate", (100_000, 100_000))
    monkeypatch.setattr("workouts.services.CHANGES_PER_MINUTE", 100_000)


def frame(type: str = "workout_update", **fields) -> str:
    return json.dumps({"type": type, **fields})


SET = {"exercise": "Squat", "sets": 3, "reps": 5, "weight": 80}
# What is wrong with each, in words that name the field.
WRONG = [
    ("{", "truncated"),
    ("[]", "object"),
    ('{"kind": "running"}', "type"),
    (frame("workout_begin"), "$.type"),
    (frame("workout_state"), "$.type"),
    (frame("saved", up_to=1), "$.type"),
    (frame("recheck"), "$.type"),
    (frame("frame", text="forged"), "$.type"),
    (frame("history", before=1), "$.type"),
    (frame("workout_start"), "`kind`"),
    (frame("workout_start", kind="flying"), "$.kind"),
    (frame("workout_start", kind=None), "$.kind"),
    (frame("workout_start", kind="running", privacy="secret"), "$.privacy"),
    (frame("workout_start", kind="running", client_id=""), "$.client_id"),
    (frame("workout_start", kind="running", client_id="x" * 65), "$.client_id"),
    (frame("workout_start", kind="running", client_id="a\0b"), "$.client_id"),
    (frame(), "`time`"),
    (frame(), "`exercise`"),
    (frame(client_id="a"), "`time`"),
    (frame(time=1), "`heart_rate`, `cadence`, `power`, `distance`"),
    (frame(time=1, heart_rate=None), "`heart_rate`"),
    (frame(power=100), "`time`"),
    (frame(time=None, power=100), "`time`"),
    (frame(time=-1, power=100), "$.time"),
    (frame(time=604_801, power=100), "$.time"),
    (frame(time="1", power=100), "$.time"),
    (frame(time=True, power=100), "$.time"),
    ('{"type": "workout_update", "time": NaN, "power": 1}', "byte"),
    ('{"type": "workout_update", "time": 1e400, "power": 1}', "time"),
    ('{"type": "workout_update", "time": %s, "power": 1}' % ("9" * 5000), "time"),
    (frame(time=1, heart_rate=19), "$.heart_rate"),
    (frame(time=1, heart_rate=261), "$.heart_rate"),
    (frame(time=1, cadence=301), "$.cadence"),
    (frame(time=1, power=3001), "$.power"),
    (frame(time=1, power="100"), "$.power"),
    (frame(time=1, distance=1_000_001), "$.distance"),
    (frame(time=1, power=100, client_id="a"), "`client_id`"),
    (frame(**SET, time=1), "`time` is of a sample, `exercise` of a set"),
    (frame(**SET, power=1), "`power` is of a sample"),
    (frame(time=1, power=1, reps=5), "`reps` of a set"),
    *[
        (frame(**{name: SET[name] for name in SET if name != missing}), f"`{missing}`")
        for missing in SET
    ],
    (frame(**{**SET, "exercise": ""}), "$.exercise"),
    (frame(**{**SET, "exercise": " \n"}), "$.exercise"),
    (frame(**{**SET, "exercise": "a\0b"}), "$.exercise"),
    (frame(**{**SET, "exercise": "x" * 81}), "$.exercise"),
    (frame(**{**SET, "exercise": 1}), "$.exercise"),
    ('{"type": "workout_update", "exercise": "\\ud800", "sets": 1, "reps": 1, "weight": 1}', ""),
    (frame(**{**SET, "sets": 0}), "$.sets"),
    (frame(**{**SET, "sets": 101}), "$.sets"),
    (frame(**{**SET, "sets": 1.5}), "$.sets"),
    (frame(**{**SET, "reps": 0}), "$.reps"),
    (frame(**{**SET, "reps": 1001}), "$.reps"),
    (frame(**{**SET, "weight": -1}), "$.weight"),
    (frame(**{**SET, "weight": 1000.5}), "$.weight"),
    ('{"type": "workout_update", "exercise": ' + "[" * 10_000, ""),
    ('{"type": "workout_pause", "x": ' + "[" * 10_000, ""),
]


async def test_bad_input_is_told_by_field_and_the_socket_stays_open(people):
    async with training(people["ada"]) as me:
        for data, part in [*WRONG, (b"\xff\x00", "binary"), (frame(time=1, power=1).encode(), "")]:
            await me.send(data)
            error = await me.hear()
            assert (error["type"], error["code"]) == ("error", "invalid_message"), data
            assert error["detail"] and part in error["detail"], (data, error)
        await me.update(time=1, power=100)
        await me.get("saved")
        assert await stored(me.workout["id"]) == [[1, None, None, 100, None]]
        await me.update(**SET)
        assert (await me.get("ack"))["number"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"time": 0, "power": 0},
        {"time": 604_800, "heart_rate": 20, "cadence": None},
        {"time": 0.5, "heart_rate": 260, "cadence": 300, "power": 3000, "distance": 1e6},
        {**SET, "weight": 0, "client_id": "x" * 64, "time": None},
        {**SET, "exercise": "😀" * 80, "sets": 100, "reps": 1000, "weight": 1000},
    ],
    ids=range(5),
)
def test_the_bounds_are_within(fields):
    wire.decode(frame(**fields))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
MEASURES = st.sampled_from(["time", *wire.MEASURES])
SAMPLES = st.dictionaries(MEASURES, st.floats(-1, 400) | st.integers(0, 300) | st.none())
SETS = st.fixed_dictionaries(
    {
        "exercise": st.text(max_size=90),
        "sets": st.integers(0, 101),
        "reps": st.integers(0, 1001),
        "weight": st.floats(-1, 1001),
    },
    optional={"client_id": st.text(max_size=66), "time": st.floats(0, 9)},
)
STARTS = st.fixed_dictionaries(
    {"kind": st.sampled_from([*wire.Kind, "flying"])},
    optional={"privacy": JSON_VALUES | st.sampled_from(wire.Privacy), "client_id": JSON_VALUES},
)
CHANGES = st.sampled_from(["workout_pause", "workout_resume", "workout_finish"])
ANY = st.dictionaries(st.sampled_from(wire.Update.__struct_fields__), JSON_VALUES)
FRAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(max_size=40),
    JSON_VALUES.map(json.dumps),
    SAMPLES.map(lambda fields: frame(**fields)),
    SETS.map(lambda fields: frame(**fields)),
    ANY.map(lambda fields: frame(**fields)),
    STARTS.map(lambda fields: frame("workout_start", **fields)),
    st.builds(frame, CHANGES, junk=JSON_VALUES),
    st.sampled_from(WRONG).map(lambda wrong: wrong[0]),
)


@given(st.one_of(SAMPLES, SETS, ANY))
def test_what_is_taken_is_a_set_or_a_sample_whole_and_within_bounds(fields):
    try:
        update = wire.decode(frame(**fields))
    except InvalidMessage as problem:
        assert str(problem)
        return
    if update.time is None:
        assert 1 <= len(update.exercise) <= 80 and update.exercise.strip()
        assert 1 <= update.sets <= 100 and 1 <= update.reps <= 1000 and 0 <= update.weight <= 1000
        assert not any(getattr(update, name) is not None for name in wire.MEASURES)
    else:
        assert update.exercise is update.sets is update.reps is update.weight is None
        measured = [value for value in update.row[1:] if value is not None]
        assert measured and all(math.isfinite(value) for value in update.row if value is not None)
    again = wire.sample_frame(update, "ada")  # what travels on, can be read
    assert json.loads(wire.realtime.encode(again))["type"] == "workout_update"


@settings(
    max_examples=20,  # of 50 frames: 1,000
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frames=st.lists(FRAMES, min_size=50, max_size=50))
async def test_1000_generated_frames_leave_the_socket_open_and_the_database_clean(people, frames):
    from workouts.models import ExerciseSet, Samples, Workout

    await Workout.objects.all().adelete()
    async with training(people["ada"]) as me:
        for data in frames:
            await me.send(data)
        await me.say("workout_start", kind="other", client_id="begin")  # known: acknowledged
        heard = await me.until("ack", client_id="begin", number=me.workout["id"])
        assert "closing" not in [frame["type"] for frame in heard]
    assert await Workout.objects.exclude(state="finished").acount() <= 1
    async for done in ExerciseSet.objects.all():
        assert 1 <= len(done.exercise) <= 80 and 0 <= done.weight_kg <= 1000
    async for chunk in Samples.objects.all():
        times = [row[0] for row in chunk.rows]
        assert len(times) == len(set(times)) and max(times) == chunk.last_t
        assert all(len(row) == 5 and set(row[1:]) != {None} for row in chunk.rows)
