"""Members who train, and who watches them."""

from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from tests.people import knock, visit


def path(owner: object) -> str:
    """Where somebody's workout is watched: of a person, or whatever is put in its place."""
    return f"/ws/workout/{getattr(owner, 'pk', owner)}/"


@asynccontextmanager
async def watching(username: str, owner: object, **options):
    """A connection of somebody to an owner's workout; `first` is the state on joining."""
    async with visit(path(owner), username, **options) as person:
        person.first = await person.hear()
        assert person.first["type"] == "workout_state", person.first
        person.update = partial(person.say, "workout_update")
        yield person


@asynccontextmanager
async def training(owner, **start):
    """The owner's own connection, with a running workout; `workout` is its state."""
    async with watching(owner.username, owner) as me:
        me.workout = await begin(me, **start)
        yield me


async def begin(me, kind: str = "cycling", client_id: str = "begin", **fields) -> dict:
    """Start a workout; its state."""
    await me.say("workout_start", kind=kind, client_id=client_id, **fields)
    ack = await me.get("ack", client_id=client_id)
    state = await me.get("workout_state")
    assert state["workout"]["id"] == ack["number"]
    return state["workout"]


async def finish(me) -> dict:
    """Finish it; its totals."""
    await me.say("workout_finish")
    return (await me.get("workout_finished"))["totals"]


async def saved(me, up_to: float) -> None:
    """Wait until all samples up to a time are stored."""
    await me.get("saved", up_to=up_to)


async def refused(username: str | None, owner: object) -> tuple[int, str]:
    """The code and the reason with which a connection is refused; None is nobody in particular."""
    url = path(owner)
    async with visit(url, username) if username else knock(url) as person:
        return await person.closed()


@in_thread
def stored(workout_id: int) -> list[list]:
    """The samples of a workout, as they are in the database."""
    from workouts import services
    from workouts.models import Workout

    return services.rows_of(Workout.objects.get(pk=workout_id))


@in_thread
def the(workout_id: int):
    """A workout as it is in the database."""
    from workouts.models import Workout

    return Workout.objects.get(pk=workout_id)


def record(owner, *samples, started_at=None, kind: str = "cycling"):
    """Store a finished workout; of two samples where none are given."""
    from workouts import services
    from workouts.recordings import Recording, Sample

    samples = samples or (Sample(0, heart_rate=100), Sample(60, heart_rate=120))
    started_at = started_at or timezone.now() - timedelta(hours=1)
    return services.store_recording(owner, Recording(kind, started_at, list(samples)))
