"""What the coach sees and says: repetitions, depth, tempo, stance, and cues one can follow."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coaching import cues
from coaching.coach import State, Tempo, step
from coaching.measures import measure
from coaching.recording import Frame
from tests.poses import body, follow, moved, recording, squat

FRAMES = [frame for _, frame in recording()]
CUES = {fault.cue for fault in cues.FAULTS} | {cues.DEEPER, cues.SLOWER, cues.NOT_VISIBLE}


def told(frames):
    return [cue for _, cue in follow(frames)[2]]


# One frame


def test_a_body_is_measured_in_its_own_lengths():
    seen = measure(body(1.4, feet=1.5, knees=0.8, lean=0.1))
    assert seen.leg == pytest.approx(1.4)
    assert seen.feet_width == pytest.approx(1.5)
    assert seen.knees == pytest.approx(0.8)
    assert seen.balance == pytest.approx(0.1)
    assert measure(body(0.7)).depth == pytest.approx(1)
    assert measure(body(1.4)).depth == pytest.approx(0)


@pytest.mark.parametrize("point", range(8))
def test_one_point_that_is_not_seen_is_enough_to_tell_nothing(point):
    points = list(body())
    points[point] = (*points[point][:2], 0.6)
    assert measure(points) is None


def test_somebody_upside_down_or_in_one_spot_is_not_told_anything():
    assert measure(moved(body(), scale=-1)) is None
    assert measure([(0.5, 0.5, 1.0)] * 8) is None


def test_from_the_side_widths_are_not_told():
    aside = tuple((0.5 + (x - 0.5) / 10, y, v) for x, y, v in body(1.4))
    seen = measure(aside)
    assert (seen.feet_width, seen.knees, seen.balance) == (None, None, None)
    assert seen.leg == pytest.approx(1.4)


def test_feet_together_are_no_measure_for_knees():
    assert measure(body(feet=0.1)).knees is None
    assert measure(body(feet=-0.5)).knees is None  # crossed


def test_who_faces_away_has_the_same_left():
    mirrored = tuple((1 - x, y, v) for x, y, v in body(lean=0.2, feet=1.5))
    assert measure(mirrored).balance == pytest.approx(0.2)
    assert measure(mirrored).feet_width == pytest.approx(1.5)


COORDINATE = st.floats(allow_nan=True, allow_infinity=True)
ANY_BODY = st.lists(st.tuples(COORDINATE, COORDINATE, st.floats(0, 1)), min_size=8, max_size=8)
ANY_FRAME = st.builds(Frame, st.floats(), ANY_BODY)
LIKELY = st.builds(
    body,
    st.floats(0.3, 2),
    feet=st.floats(-1, 4),
    knees=st.floats(0, 3),
    lean=st.floats(-1, 1),
    seen=st.sampled_from([1.0, 0.3]),
)


@given(st.lists(ANY_FRAME | st.builds(Frame, st.floats(0, 20), LIKELY)))
def test_whatever_comes_the_coach_goes_on(frames):
    state, said, told = follow(frames)
    assert state.repetitions >= 0
    assert {cue for _, cue in told} <= CUES
    assert all(feedback.visible or feedback.stage is None for feedback in said)


# Repetitions


def test_a_repetition_is_counted_with_its_depth_and_tempo():
    state, said, _ = follow(squat(seconds=7))
    assert state.repetitions == 1
    assert said[-1].deepest == pytest.approx(1.071, abs=0.01)
    lowering, held, rising = said[-1].tempo.lowering, said[-1].tempo.held, said[-1].tempo.rising
    assert lowering == pytest.approx(2 * 0.5 / 0.8, abs=0.2)  # of 0.8 torsos 0.5 between the levels
    assert rising == pytest.approx(lowering, abs=0.2)
    assert held == pytest.approx(1 + 2 * 2 * 0.13 / 0.8, abs=0.2)
    stages = [feedback.stage for feedback in said]
    assert stages == sorted(stages[:70], reverse=True) + ["down"] * stages[70:].count("down") + [
        "up"
    ] * stages[70:].count("up")


def test_the_recording_has_five_squats_the_last_without_its_end():
    assert follow(FRAMES)[0].repetitions == 4
    twice = FRAMES + [replace(frame, time=frame.time + 30) for frame in FRAMES]
    assert follow(twice)[0].repetitions == 8  # the end is out of sight for 1.6 seconds


# --8<-- [start:half]
def test_half_a_squat_is_no_repetition():
    state, _, told = follow(squat(seconds=8, low=0.9))
    assert state.repetitions == 0
    assert [cue for _, cue in told] == [cues.DEEPER]


# --8<-- [end:half]


def test_trembling_around_a_level_counts_nothing():
    for level in (0.78, 1.28):
        legs = [level + 0.05 * (-1) ** number for number in range(200)]
        state, said, _ = follow([Frame(at / 30, body(leg)) for at, leg in enumerate(legs)])
        assert state.repetitions == 0
        assert len({feedback.stage for feedback in said[1:]}) == 1


def test_one_frame_seen_wrongly_is_no_repetition():
    frames = squat(low=1.45)
    frames[40] = replace(frames[40], points=body(0.6))
    state, _, told = follow(frames)
    assert (state.repetitions, told) == (0, [])


def test_who_comes_up_without_having_been_seen_going_down_has_done_nothing():
    assert follow(squat(seconds=7)[60:])[0].repetitions == 0


def test_a_moment_out_of_sight_is_forgiven_and_no_more():
    frames = squat(seconds=7)
    hide = {number: replace(frames[number], points=body(seen=0.4)) for number in range(60, 80)}
    shortly = [
        hide.get(number, frame) if number < 65 else frame for number, frame in enumerate(frames)
    ]
    longer = [hide.get(number, frame) for number, frame in enumerate(frames)]
    assert follow(shortly)[0].repetitions == 1
    assert follow(longer)[0].repetitions == 0


def test_time_that_jumps_or_goes_back_counts_nothing():
    frames = squat(seconds=7)
    jump = [
        replace(frame, time=frame.time + (100 if at > 70 else 0)) for at, frame in enumerate(frames)
    ]
    back = [
        replace(frame, time=frame.time - (2 if at > 70 else 0)) for at, frame in enumerate(frames)
    ]
    assert follow(jump)[0].repetitions == follow(back)[0].repetitions == 0


def test_where_frames_are_missing_no_tempo_is_told():
    """As in the recording: nobody falls so fast."""
    state, _, told = follow(FRAMES)
    assert (state.tempo.lowering, state.tempo.rising) == (None, None)
    assert state.tempo.held > 1
    assert cues.SLOWER not in [cue for _, cue in told]


# Scale and shift


@given(st.floats(0.01, 100), st.floats(-50, 50), st.floats(-50, 50), st.integers(0, 700))
def test_no_output_depends_on_scale_or_place(scale, x, y, start):
    frames = FRAMES[start : start + 150]
    there = [replace(frame, points=moved(frame.points, scale, x, y)) for frame in frames]
    (_, one, told), (_, other, told_there) = follow(frames), follow(there)
    assert told == told_there
    for here, elsewhere in zip(one, other, strict=True):
        assert (here.visible, here.stage, here.repetitions) == (
            elsewhere.visible,
            elsewhere.stage,
            elsewhere.repetitions,
        )
        for name in ("depth", "deepest", "balance", "feet_width", "knees"):
            assert getattr(here, name) == pytest.approx(getattr(elsewhere, name), abs=0.002)


@given(st.floats(0.3, 3), st.integers(0, 700))
def test_a_wide_picture_or_a_tall_one_is_the_same(stretch, start):
    frames = FRAMES[start : start + 100]
    tall = [
        replace(frame, points=[(x * stretch, y, v) for x, y, v in frame.points]) for frame in frames
    ]
    assert [feedback.stage for feedback in follow(frames)[1]] == [
        feedback.stage for feedback in follow(tall)[1]
    ]


# Cues


def still(seconds=1.0, start=0.0, **posture):
    return [Frame(start + at / 20, body(**posture)) for at in range(round(seconds * 20))]


@pytest.mark.parametrize(
    "posture, cue",
    [
        ({"feet": 0.6}, "Set your feet wider"),
        ({"feet": 3.0}, "Set your feet closer"),
        ({"leg": 0.7, "knees": 0.6}, "Push your knees out"),
        ({"leg": 0.7, "lean": -0.5}, "Shift your weight left"),
        ({"leg": 0.7, "lean": 0.5}, "Shift your weight right"),
        ({"seen": 0.3}, cues.NOT_VISIBLE),
        ({"feet": 0.6, "seen": 0.3}, cues.NOT_VISIBLE),
    ],
)
def test_a_fault_is_told(posture, cue):
    assert told(still(**posture)) == [cue]


@pytest.mark.parametrize("posture", [{}, {"leg": 0.7}, {"knees": 0.6}, {"leg": 0.7, "feet": 1.0}])
def test_where_nothing_is_wrong_nothing_is_told(posture):
    assert told(still(20, **posture)) == []


def test_lowering_oneself_too_fast_is_told_after_the_repetition():
    assert told(squat(seconds=4.2)) == [cues.SLOWER]
    assert told(squat(seconds=7)) == []


def test_the_most_important_comes_first():
    assert told(still(leg=0.7, knees=0.6, lean=0.5)) == ["Push your knees out"]


def test_a_cue_is_repeated_but_not_at_once():
    _, _, said = follow(still(30, feet=0.6))
    times = [time for time, _ in said]
    assert len(times) == 4
    assert min(b - a for a, b in zip(times, times[1:], strict=False)) >= cues.AGAIN


def test_a_level_that_trembles_is_one_fault():
    feet = [0.95 if at % 2 else 1.05 for at in range(100)]
    _, _, said = follow([Frame(at / 20, body(feet=width)) for at, width in enumerate(feet)])
    assert [cue for _, cue in said] == ["Set your feet wider"]


def test_what_lasts_a_moment_is_not_told():
    assert told(still(0.2, feet=0.6) + still(3, start=0.2)) == []


@given(st.lists(LIKELY, max_size=200), st.floats(0.03, 0.2))
def test_there_are_never_two_cues_within_two_seconds(bodies, pause):
    frames = [Frame(at * pause, points) for at, points in enumerate(bodies)]
    times = [time for time, _ in follow(frames)[2]]
    assert all(b - a >= 2 for a, b in zip(times, times[1:], strict=False))


@given(st.lists(LIKELY, min_size=1, max_size=100))
def test_hidden_bodies_give_no_other_cue_and_no_repetition(bodies):
    frames = [
        Frame(at / 10, [(x, y, 0.3) for x, y, _ in points]) for at, points in enumerate(bodies)
    ]
    state, said, told = follow(frames)
    assert {cue for _, cue in told} <= {cues.NOT_VISIBLE}
    assert state.repetitions == 0
    assert not any(feedback.visible or feedback.stage for feedback in said)


def test_a_state_is_not_changed_by_what_follows():
    state = follow(squat()[:30])[0]
    before = repr(state)
    once = step(state, squat()[30])
    assert step(state, squat()[30]) == once and repr(state) == before
    assert Tempo(None, 1.0, None) != Tempo(1.0, 1.0, None) and State() == State()
