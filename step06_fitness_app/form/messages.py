"""What travels on /ws/form/<workout id>/."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from coaching.coach import Tempo
from coaching.recording import POINTS
from realtime import messages as realtime
from realtime.messages import Seen, decoder

Coordinate = Annotated[float, Meta(ge=-1e6, le=1e6)]
Point = tuple[Coordinate, Coordinate, Annotated[float, Meta(ge=0, le=1)]]
Body = Annotated[list[Point], Meta(min_length=len(POINTS), max_length=len(POINTS))]


class Pose(Struct, tag_field="type", tag="pose"):
    """Where your body is at a `time` in seconds: left and right shoulder, hip, knee and ankle, each
    with x and y (fractions of the picture, y down) and how surely it was seen, 0 to 1.
    """

    time: Annotated[float, Meta(ge=0, le=1e9)]
    points: Body


class SendCue(Struct, tag_field="type", tag="cue"):
    """A trainer's word to their client."""

    text: Annotated[str, Meta(min_length=1, max_length=200)]


Incoming = realtime.Incoming | Seen | Pose | SendCue
decode = decoder(Incoming)


class Numbers(Struct, kw_only=True):
    """The coach's Feedback; None is what cannot be told."""

    visible: bool = False
    repetitions: int = 0
    stage: Literal["up", "down"] | None = None
    depth: float | None = None
    deepest: float | None = None
    tempo: Tempo | None = None
    balance: float | None = None
    feet_width: float | None = None
    knees: float | None = None


class FormState(Numbers, tag_field="type", tag="form_state", kw_only=True):
    """What you are here, and how many repetitions this workout has so far."""

    workout_id: int
    username: str
    role: Literal["owner", "trainer", "watcher"]


class FormUpdate(Numbers, tag_field="type", tag="form_update", kw_only=True):
    """How it is now, at most ten times a second: of what came between, the newest counts."""

    points: Body


class FormCue(Struct, tag_field="type", tag="form_cue", rename={"sender": "from"}):
    """What to do better, at most every two seconds: from the "coach", or from a person."""

    text: str
    sender: str


Outgoing = FormState | FormUpdate | FormCue | realtime.Outgoing
