"""The stage against the hand labels: on the file, scaled, shifted, and frames not tuned on."""

import math
import random
from io import StringIO
from itertools import product
from statistics import median

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from coaching.recording import Frame, InvalidRecording, read
from coaching.stage import MEASURED, Levels, agreeing, agreement, heights
from tests.poses import FILE, moved, recording

FRAMES = recording()
RUNS = [0, 145, 274, 338, 427, 578, 636, 639, 704, 764, 853]  # where the label changes
SQUATS = [FRAMES[start:end] for start, end in zip(RUNS[:-2:2], RUNS[2::2], strict=True)]


def fit(frames: list[tuple[str, Frame]]) -> Levels:
    """The levels with which most frames are judged as labelled; of equals, those in the middle."""
    legs = [(label, leg) for label, leg in heights(frames) if leg]
    grid = [0.4 + 0.02 * step for step in range(60)]
    alone = {(at,): sum((leg >= at) == (label == "up") for label, leg in legs) for at in grid}
    [alone] = middle_of_best(alone)
    tried = ((down, up) for down, up in product(grid, grid) if down < alone < up)
    # As if no frames were missing, so that `down` and `up` have to do it.
    down, up = middle_of_best({at: agreeing(legs, Levels(*at, alone), math.inf) for at in tried})
    return Levels(*(round(level, 2) for level in (down, up, alone)))


def middle_of_best(tried: dict[tuple[float, ...], int]) -> tuple[float, ...]:
    most = max(tried.values())
    best = [levels for levels, right in tried.items() if right == most]
    return tuple(median(column) for column in zip(*best, strict=True))


def score(file, *options) -> str:
    out = StringIO()
    call_command("score_form", str(file), *options, stdout=out)
    return out.getvalue()


def written(folder, change=lambda line: line):
    """A copy of the file, with each line after the head changed."""
    head, *lines = FILE.read_text("utf-8").splitlines()
    copy = folder / "frames.csv"
    copy.write_text("\n".join([head, *map(change, lines)]), "utf-8")
    return copy


def transformed(scale, x, y):
    def change(line):
        label, *values = line.split(",")
        numbers = [float(value) for value in values]
        points = moved(zip(*(numbers[at::3] for at in range(3)), strict=True), scale, x, y)
        return ",".join([label, *(str(value) for point in points for value in point)])

    return change


def test_the_command_prints_the_agreement(tmp_path):
    assert score(FILE) == "agreement: 0.9977 (851/853)\n"


@pytest.mark.parametrize(
    "scale, x, y", [(0.6, 0, 0), (0.6, 0.3, -0.2), (1, 5, 7), (1920, 0, 0), (0.01, -3, 3)]
)
def test_it_stays_the_same_when_all_points_are_scaled_and_shifted(tmp_path, scale, x, y):
    assert score(written(tmp_path, transformed(scale, x, y))) == score(FILE)


def test_the_levels_in_the_code_are_those_that_fit_the_file():
    assert fit(FRAMES) == MEASURED


def test_one_half_is_judged_by_levels_that_fit_the_other():
    first, second = FRAMES[:427], FRAMES[427:]
    for tuned, other in [(first, second), (second, first)]:
        assert agreement(other, fit(tuned)) / len(other) >= 0.985


def test_each_squat_is_judged_by_levels_that_fit_the_others():
    """One of them has two frames of 68 against it; in all it is what the whole file gives."""
    right = []
    for squat in SQUATS:
        others = [frame for other in SQUATS if other is not squat for frame in other]
        right.append(agreement(squat, fit(others)))
    assert sum(right) / len(FRAMES) >= 0.985
    assert [len(squat) - kept for squat, kept in zip(SQUATS, right, strict=True)] == [0, 0, 0, 2, 0]


@pytest.mark.parametrize("number", range(5))
def test_one_squat_is_enough_to_judge_the_others(number):
    others = [frame for squat in SQUATS if squat is not SQUATS[number] for frame in squat]
    assert agreement(others, fit(SQUATS[number])) / len(others) >= 0.985


@pytest.mark.parametrize("seed", range(5))
def test_frames_in_no_order_are_judged_each_by_itself(seed):
    shuffled = random.Random(seed).sample(FRAMES, len(FRAMES))
    assert agreement(shuffled) / len(FRAMES) >= 0.985


@pytest.mark.parametrize("nth", [2, 3, 5, 10])
def test_a_slower_camera_is_judged_as_well(nth):
    assert agreement(FRAMES[::nth]) / len(FRAMES[::nth]) >= 0.985


def test_what_is_not_visible_agrees_with_nothing(tmp_path):
    def hide(line):
        return line.rsplit(",", 1)[0] + ",0.3"

    assert score(written(tmp_path, hide)) == "agreement: 0.0000 (0/853)\n"


HEAD = FILE.read_text("utf-8").splitlines()[0]
LINE = FILE.read_text("utf-8").splitlines()[1]
VALUES = LINE.split(",")
BAD = {
    "empty": ("", "line 1: column label must be there once"),
    "no frames": (HEAD, "there are no frames in it"),
    "a column is missing": (
        HEAD.replace("left_hip_v", "hip_v") + "\n" + LINE,
        "line 1: column left_hip_v must be there once",
    ),
    "a column is there twice": (
        HEAD + ",label\n" + LINE,
        "line 1: column label must be there once",
    ),
    "too few values": (f"{HEAD}\n{LINE}\nup,1,2", "line 3: 3 values for 25 columns"),
    "no label": (f"{HEAD}\n" + LINE.replace("up", "middle"), "line 2, column label: 'middle'"),
    "no number": (
        f"{HEAD}\n{LINE}\n" + ",".join([*VALUES[:4], "x", *VALUES[5:]]),
        "line 3, column right_shoulder_x: 'x' is not a number",
    ),
    "not a number": (
        f"{HEAD}\n" + ",".join([*VALUES[:1], "nan", *VALUES[2:]]),
        "line 2, column left_shoulder_x: 'nan' is not a number",
    ),
    "infinite": (f"{HEAD}\n" + ",".join([*VALUES[:1], "1e999", *VALUES[2:]]), "is not a number"),
    "an underscore": (f"{HEAD}\n" + ",".join([*VALUES[:1], "1_0", *VALUES[2:]]), "is not a number"),
    "visibility": (
        f"{HEAD}\n" + ",".join([*VALUES[:24], "1.5"]),
        "line 2, column right_ankle_v: 1.5 is not from 0 to 1",
    ),
    "an open quote": (f'{HEAD}\n"up', "line 2: "),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_with_where_and_why(tmp_path, kind):
    text, reason = BAD[kind]
    file = tmp_path / "bad.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(CommandError) as problem:
        score(file)
    assert reason in str(problem.value) and str(file) in str(problem.value)


@pytest.mark.parametrize(
    "content, reason",
    [(b"\xff\xfe\x00", "not UTF-8 text, at byte 0"), (b"label\0,a", "line 1: ")],
)
def test_what_is_no_text_is_refused(tmp_path, content, reason):
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=reason):
        score(file)


def test_no_file_is_refused(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        score(tmp_path / "none.csv")
    with pytest.raises(CommandError):
        score(tmp_path)


def test_a_byte_order_mark_other_columns_and_empty_lines_do_no_harm(tmp_path):
    file = tmp_path / "frames.csv"
    file.write_text(f"\ufeffmore,{HEAD}\n\n1,{LINE}\n\n", "utf-8")
    assert score(file) == "agreement: 1.0000 (1/1)\n"


@given(st.lists(st.text(max_size=60)))
def test_any_text_is_a_recording_or_refused(lines):
    try:
        assert read(lines)
    except InvalidRecording as problem:
        assert str(problem)


@given(st.lists(st.sampled_from([*VALUES, "", "-1", "9e99", "down"]), min_size=25, max_size=25))
def test_any_row_is_a_frame_or_refused(row):
    try:
        assert len(read([HEAD, ",".join(row)])) == 1
    except InvalidRecording as problem:
        assert str(problem).startswith("line 2")
