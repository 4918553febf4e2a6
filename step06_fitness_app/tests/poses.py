"""Bodies for the tests: real ones of the recording, and some drawn to order."""

from pathlib import Path

from coaching.coach import State, step
from coaching.recording import Frame, read

FILE = Path(__file__).resolve().parent.parent / "data" / "pose" / "squat_frames.csv"


def recording() -> list[tuple[str, Frame]]:
    """The 853 labelled frames."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        return read(lines)


def body(leg=1.45, *, feet=1.4, knees=1.0, lean=0.0, seen=1.0):
    """Eight points of somebody whose hips are `leg` torsos above the ankles, in a wide picture.

    `feet` in shoulder widths, `knees` in the feet's, `lean` of the hips to the person's left, in
    shoulder widths. The shank keeps its length of 0.7 torsos, as far as there is room.
    """
    torso, shoulder = 0.2, 0.1
    ankle_y = 0.9
    hip_y = ankle_y - leg * torso
    knee_y = ankle_y - 0.7 * torso
    points = []
    for y, width, shift in [
        (hip_y - torso, 1.0, lean),
        (hip_y, 0.6, lean),
        (knee_y, feet * knees, 0),
        (ankle_y, feet, 0),
    ]:
        for side in (0.5, -0.5):
            points.append((0.5 + shoulder * (side * width + shift), y, seen))
    return tuple(points)


def moved(points, scale=1.0, x=0.0, y=0.0):
    """The same body, nearer or farther, somewhere else."""
    return tuple((scale * px + x, scale * py + y, v) for px, py, v in points)


def squat(seconds=4.0, *, rate=20, start=0.0, low=0.65, high=1.45, **stance) -> list[Frame]:
    """One repetition: a second at the top, one at the bottom, one at the top, and between them."""
    moving = (seconds - 3) / 2
    frames = []
    for number in range(round(seconds * rate)):
        at = number / rate
        lowered = min(1, max(0, (at - 1) / moving)) - min(1, max(0, (at - 2 - moving) / moving))
        frames.append(Frame(start + at, body(high - (high - low) * lowered, **stance)))
    return frames


def follow(frames, state=None):
    """Everything the coach says to these frames: its last state, all feedback, (time, cue)."""
    state, said, told = state or State(), [], []
    for frame in frames:
        state, feedback, cue = step(state, frame)
        said.append(feedback)
        if cue:
            told.append((frame.time, cue))
    return state, said, told
