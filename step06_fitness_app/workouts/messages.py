"""What travels on /ws/workout/<user id>/."""

from datetime import datetime
from typing import Annotated, Literal

from django.contrib.auth.models import User
from django.utils import timezone
from msgspec import Meta, Struct
from msgspec.structs import asdict

from people.models import Privacy
from realtime import messages as realtime
from realtime.messages import Ack, ClientId, Number, Seen, decoder
from workouts.models import ExerciseSet, Kind, Workout
from workouts.recordings import Sample
from workouts.totals import Row, Totals

A_WEEK = 7 * 24 * 3600  # seconds
SET = ("exercise", "sets", "reps", "weight")
MEASURES = Sample._fields[1:]


# --8<-- [start:in]
class WorkoutStart(Struct, tag_field="type", tag="workout_start"):
    """Begin. Without `privacy` it is that of your profile."""

    kind: Kind
    privacy: Privacy | None = None
    client_id: ClientId | None = None


class WorkoutPause(Struct, tag_field="type", tag="workout_pause"):
    """Stop the clock."""


class WorkoutResume(Struct, tag_field="type", tag="workout_resume"):
    """Let the clock run again."""


class WorkoutFinish(Struct, tag_field="type", tag="workout_finish"):
    """It is over: store it, with its totals."""


class Update(Struct, tag_field="type", tag="workout_update", omit_defaults=True):
    """Sets you have lifted (exercise, sets, reps, weight in kg), or a sample (time, and what was
    measured then: bpm, rpm, W, m); never both. `time` is in seconds since the beginning. With
    `workout_id` a set that comes late is refused, instead of going into another workout.
    """

    exercise: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    sets: Annotated[int, Meta(ge=1, le=100)] | None = None
    reps: Annotated[int, Meta(ge=1, le=1000)] | None = None
    weight: Annotated[float, Meta(ge=0, le=1000)] | None = None
    client_id: ClientId | None = None
    workout_id: Number | None = None
    time: Annotated[float, Meta(ge=0, le=A_WEEK)] | None = None
    heart_rate: Annotated[float, Meta(ge=20, le=260)] | None = None
    cadence: Annotated[float, Meta(ge=0, le=300)] | None = None
    power: Annotated[float, Meta(ge=0, le=3000)] | None = None
    distance: Annotated[float, Meta(ge=0, le=1e6)] | None = None

    def __post_init__(self):
        """A ValueError in here is one of msgspec's own to who decodes."""
        here = [field for field in self.__struct_fields__ if getattr(self, field) is not None]
        of_set = [field for field in here if field in SET]
        of_sample = [field for field in here if field in ("time", *MEASURES)]
        if of_set and of_sample:
            raise ValueError(f"`{of_sample[0]}` is of a sample, `{of_set[0]}` of a set: not both")
        missing = [field for field in (SET if of_set else ["time"]) if field not in here]
        if missing:
            also = "" if here else ", or `exercise` and the rest of a set"
            raise ValueError(f"Object missing required field `{missing[0]}`{also}")
        if of_sample == ["time"]:
            raise ValueError(f"Object missing one of the fields `{'`, `'.join(MEASURES)}`")
        for field in ("client_id", "workout_id"):
            if of_sample and field in here:
                raise ValueError(f"`{field}` is of a set: the `time` of a sample says which it is")

    @property
    def row(self) -> list[float | None]:
        """The sample as it is stored."""
        return [self.time, *(getattr(self, field) for field in MEASURES)]


Changes = WorkoutStart | WorkoutPause | WorkoutResume | WorkoutFinish
Incoming = realtime.Incoming | Seen | Changes | Update
decode = decoder(Incoming)
# --8<-- [end:in]


class WorkoutUpdate(Update, tag="workout_update", kw_only=True, omit_defaults=True):
    """A set, stored as `number` at this time, or a sample as it was sent, which is stored within a
    second or so. A sample may be lost on its way to a watcher.
    """

    username: str
    number: int | None = None
    at: datetime | None = None


class LiveWorkout(Struct):
    """The workout that goes on. `time` is now, in seconds since the beginning."""

    id: int
    kind: str
    privacy: str
    state: Literal["running", "paused"]
    started_at: datetime
    time: float
    elapsed_seconds: float
    saved_up_to: float | None
    totals: Totals


class WorkoutState(Struct, tag_field="type", tag="workout_state"):
    """How things are, on joining and at every change. `samples` are rows of time, heart rate,
    cadence, power, distance: of the whole workout, thinned to 600.
    """

    user_id: int
    username: str
    role: Literal["owner", "watcher"]
    workout: LiveWorkout | None
    sets: list[WorkoutUpdate]
    samples: list[Row]


class Saved(Struct, tag_field="type", tag="saved"):
    """Samples you sent on this connection are stored up to this time: send them no more."""

    up_to: float


class WorkoutFinished(Struct, tag_field="type", tag="workout_finished"):
    """It is over and stored."""

    workout_id: int
    totals: Totals


Outgoing = WorkoutState | WorkoutUpdate | Saved | WorkoutFinished | Ack | realtime.Outgoing


def set_frame(done: ExerciseSet, username: str) -> WorkoutUpdate:
    """A stored set as it travels."""
    return WorkoutUpdate(
        username=username,
        number=done.number,
        at=done.at,
        exercise=done.exercise,
        sets=done.sets,
        reps=done.repetitions,
        weight=done.weight_kg,
        client_id=done.client_id,
    )


def sample_frame(sample: Update, username: str) -> WorkoutUpdate:
    """A sample as it travels on."""
    return WorkoutUpdate(username=username, **asdict(sample))


def state_frame(
    owner: User, role: str, workout: Workout | None, totals: Totals, sets=(), samples=()
) -> WorkoutState:
    """How things are, as it travels."""
    live = workout and LiveWorkout(
        id=workout.pk,
        kind=workout.kind,
        privacy=workout.privacy,
        state=workout.state,
        started_at=workout.started_at,
        time=workout.seconds_to(timezone.now()),
        elapsed_seconds=totals.duration_seconds,
        saved_up_to=workout.saved_up_to,
        totals=totals,
    )
    frames = [set_frame(done, owner.username) for done in sets]
    return WorkoutState(owner.pk, owner.username, role, live, frames, list(samples))
