"""Up or down: how each frame of a squat is judged, and where the levels come from."""

from dataclasses import dataclass

from coaching.measures import measure
from coaching.recording import RATE, Frame

JUMP, SPEED = 0.3, 8.0  # torsos, and torsos a second: a fall from standing is slower


@dataclass(frozen=True)
class Levels:
    """Heights of the hips above the ankles, in torsos."""

    down: float  # whoever gets so low is down …
    up: float  # … until they are so high again: a hand labels a movement by its end
    alone: float  # for a frame with nothing before it to go on from


# What fits all 853 frames of data/pose/squat_frames.csv: of one person and one camera,
# so a beginning and no law. tests/test_coaching_stage.py fits parts of it and scores the others.
MEASURED = Levels(down=0.78, up=1.28, alone=1.18)


def is_cut(before: float | None, leg: float, seconds: float) -> bool:
    """Whether frames are missing between two: nobody moves so fast."""
    return before is None or abs(leg - before) > max(JUMP, SPEED * seconds)


def judge(stage: str | None, leg: float, has_cut: bool, levels: Levels = MEASURED) -> str:
    """The stage after a frame; between the levels, what it was before."""
    if leg >= levels.up or leg <= levels.down:
        return "up" if leg >= levels.up else "down"
    if stage is None or has_cut:
        return "up" if leg >= levels.alone else "down"
    return stage


def agreement(frames: list[tuple[str, Frame]], levels: Levels = MEASURED) -> int:
    """How many frames are judged as labelled. One where nobody is visible is not."""
    return agreeing(heights(frames), levels)


def heights(frames: list[tuple[str, Frame]]) -> list[tuple[str, float | None]]:
    bodies = ((label, measure(frame.points)) for label, frame in frames)
    return [(label, body and body.leg) for label, body in bodies]


def agreeing(legs: list[tuple[str, float | None]], levels: Levels, seconds=1 / RATE) -> int:
    stage = before = None
    right = 0
    for label, leg in legs:
        stage = leg and judge(stage, leg, is_cut(before, leg, seconds), levels)
        before, right = leg, right + (stage == label)
    return right
