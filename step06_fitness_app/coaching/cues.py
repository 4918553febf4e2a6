"""What to say to somebody who squats, and when: a cue at a time, and none that flaps."""

from collections.abc import Callable
from dataclasses import dataclass, field

from coaching.measures import Body

HOLD = 0.3  # seconds a fault lasts before it is told
EVERY = 2.5  # seconds between two cues …
AGAIN = 8.0  # … and until the same one is repeated

NOT_VISIBLE = "Not visible: step back until the camera sees you from shoulders to feet"
DEEPER = "Go deeper, hips as low as your knees"
SLOWER = "Lower yourself more slowly"


@dataclass(frozen=True)
class Fault:
    """What is wrong from where its level reaches `begins` until it falls below `ends`."""

    cue: str
    begins: float
    ends: float
    level: Callable[[Body], float | None]  # None where it cannot be told


def squatting(body: Body, value: float | None, sign: int = 1) -> float | None:
    """What counts while the knees are bent."""
    return None if value is None or (body.depth or 0) < 0.4 else sign * value


def standing(body: Body, value: float | None, sign: int = 1) -> float | None:
    """What can be changed before the next repetition only."""
    return None if value is None or (body.depth or 0) >= 0.4 else sign * value


# The most important first. Feet and knees: by the bounds of the project the frames come from (feet
# 1.2 to 2.8 shoulder widths, knees 0.7 to 1.1 of the feet), which measures at the toes and not the
# ankles. The bounds of the balance are chosen, not measured.
FAULTS = (
    Fault("Push your knees out", -0.7, -0.8, lambda body: squatting(body, body.knees, -1)),
    Fault("Set your feet wider", -1.0, -1.1, lambda body: standing(body, body.feet_width, -1)),
    Fault("Set your feet closer", 2.5, 2.3, lambda body: standing(body, body.feet_width)),
    Fault("Shift your weight left", 0.3, 0.2, lambda body: squatting(body, body.balance, -1)),
    Fault("Shift your weight right", 0.3, 0.2, lambda body: squatting(body, body.balance)),
)


@dataclass(frozen=True)
class Heard:
    """When the present faults began, and when each cue was told last."""

    since: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)


def of(body: Body, before: dict[str, float]) -> list[str]:
    """The cues of a body's faults; those in `before` stay until they are clearly over."""
    levels = [(fault, fault.level(body)) for fault in FAULTS]
    return [
        fault.cue
        for fault, level in levels
        if level is not None and level >= (fault.ends if fault.cue in before else fault.begins)
    ]


def choose(heard: Heard, present: list[str], now: float) -> tuple[Heard, str | None]:
    """The first that has lasted, if it is time for a cue."""
    since = {cue: heard.since.get(cue, now) for cue in present}
    told = {cue: at for cue, at in heard.told.items() if 0 <= now - at < AGAIN}
    due = [cue for cue in present if now - since[cue] >= HOLD and cue not in told]
    if not due or any(now - at < EVERY for at in told.values()):
        return Heard(since, told), None
    return Heard(since, {**told, due[0]: now}), due[0]
