"""What a workout does, without sockets: who may watch, begin, store, finish. Called in a thread."""

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from msgspec import json
from msgspec.structs import asdict

from accounts.services import tell_group
from notifications import services as notifications
from people.models import Privacy, Profile
from people.relations import MAY_SEE, Relation, blocks, friends_of, may_see, relation
from realtime import groups, limits
from realtime.publish import publish_on_commit
from realtime.refusals import Conflict, NotAllowed
from workouts import messages as wire
from workouts.models import ExerciseSet, Samples, State, Workout
from workouts.recordings import Recording
from workouts.totals import Row, Totals, active_seconds, thin, totals_of

CHUNK = 300  # samples in a row of the database
MAX_CHUNKS = 300  # of a workout: 25 hours at one sample a second
MAX_SETS = 500
POINTS = 600  # samples in one answer
CHANGES_PER_MINUTE = 30  # of one person: start, pause, resume, finish, privacy
BATCHES_PER_MINUTE = 200  # of samples: three open tabs
NONE = "no workout of yours goes on"
NOTHING = "there is nothing here for you to watch"  # also of who is not there
FAR_BACK, FAR_BACK_PER_MINUTE = 12, 10  # chunks, an hour: all since then are read for a late sample


def watch(viewer: User, owner_id: int | str) -> tuple[User, Workout | None]:
    """Whose workout this is, and the one that goes on, for somebody who may watch it.

    The running workout's privacy decides, the profile's where none runs. Raises NotAllowed, for
    who is not there as for who does not want to be seen.
    """
    if not re.fullmatch("[0-9]{1,18}", str(owner_id)):
        raise NotAllowed(NOTHING)
    owner = User.objects.filter(pk=owner_id, is_active=True).select_related("profile").first()
    if owner is None:
        raise NotAllowed(NOTHING)
    workout = unfinished(owner).first()
    privacy = workout.privacy if workout else owner.profile.privacy
    if not may_see(relation(viewer.pk, owner.pk), privacy):
        raise NotAllowed(NOTHING)
    return owner, workout


def shown_to(viewer: User) -> QuerySet[Workout]:
    """The workouts that somebody may see: their own, and what others show them."""
    return Workout.objects.filter(
        Q(owner=viewer)
        | Q(privacy__in=MAY_SEE[Relation.STRANGER])
        | Q(privacy__in=MAY_SEE[Relation.FRIEND], owner__in=friends_of(viewer.pk))
        | Q(privacy__in=MAY_SEE[Relation.TRAINER], owner__profile__trainer=viewer),
        ~Exists(blocks(OuterRef("owner"), viewer.pk)),
        owner__is_active=True,
    )


def visible_to(viewer: User) -> QuerySet[Workout]:
    """Those of them that are finished."""
    return shown_to(viewer).filter(state=State.FINISHED)


def training_now(viewer: User) -> QuerySet[Workout]:
    """What goes on of friends and clients, the latest first, as far as one may watch it."""
    theirs = Q(owner__in=friends_of(viewer.pk)) | Q(owner__profile__trainer=viewer)
    found = shown_to(viewer).filter(theirs).exclude(state=State.FINISHED).exclude(owner=viewer)
    return found.select_related("owner").order_by("-started_at")


def unfinished(owner: User) -> QuerySet[Workout]:
    """The workout that goes on: one or none."""
    return Workout.objects.filter(owner=owner).exclude(state=State.FINISHED)


def start(
    owner: User, kind: str, privacy: str | None = None, client_id: str | None = None
) -> Workout:
    """Begin a workout, committed on return. A `client_id` used already gives that workout.

    Raises Conflict while another is not finished: the database keeps it to one, whoever races.
    """
    limits.count("changes", owner.pk, CHANGES_PER_MINUTE)
    if privacy is None:
        privacy = Profile.objects.get(user=owner).privacy
    new = Workout(owner=owner, kind=kind, privacy=privacy, client_id=client_id)
    try:
        with transaction.atomic():
            new.save()
            tell_group(groups.workout(owner.pk))
            return new
    except IntegrityError:
        known = Workout.objects.filter(owner=owner, client_id=client_id).first()
        if known and client_id:
            return known
        if unfinished(owner).exists():
            raise Conflict("finish the workout that goes on first") from None
        raise


def pause(owner: User) -> Workout:
    """Stop the clock. Raises Conflict if it does not run."""
    return turn(owner, State.RUNNING, State.PAUSED)


def resume(owner: User) -> Workout:
    """Let the clock run again. Raises Conflict if it is not stopped."""
    return turn(owner, State.PAUSED, State.RUNNING)


@transaction.atomic
def turn(owner: User, before: State, after: State) -> Workout:
    workout = changing(owner)
    if workout.state != before:
        raise Conflict(f"your workout is {workout.state}")
    if after == State.PAUSED:
        workout.pauses.append([workout.now(), None])
    else:
        workout.pauses[-1][1] = workout.now()
    workout.state = after
    workout.save(update_fields=["state", "pauses"])
    tell_group(groups.workout(owner.pk))
    return workout


@transaction.atomic
def finish(owner: User) -> Workout:
    """End the workout that goes on, with totals and achievements, all or nothing.

    Raises Conflict if none does.
    """
    workout = changing(owner)
    workout.state = State.FINISHED
    totals = complete(workout)
    publish_on_commit(
        groups.workout(owner.pk), wire.WorkoutFinished(workout.pk, totals), workout.pk
    )
    tell_watchers(workout)
    return workout


def changing(owner: User) -> Workout:
    """The one that goes on, locked. Each who watches it will look again: so not too often."""
    limits.count("changes", owner.pk, CHANGES_PER_MINUTE)
    workout = unfinished(owner).select_for_update().first()
    if workout is None:
        raise Conflict(NONE)
    return workout


def complete(workout: Workout) -> Totals:
    """Write down what a finished workout came to.

    It lasted until the last sample or set: whoever forgot to finish it did not train all night.
    """
    now = timezone.now()
    acts = [workout.seconds_to(done.at) for done in workout.sets.all()]
    acts += [] if workout.saved_up_to is None else [workout.saved_up_to]
    end = max(acts) if acts else workout.seconds_to(workout.finished_at or now)
    totals = totals_until(end, workout, rows_of(workout))
    for field, value in asdict(totals).items():
        setattr(workout, field, value)
    workout.finished_at = min(now, workout.started_at + timedelta(seconds=end))
    workout.save()
    notifications.award(workout.owner_id)
    return totals


def totals_until(end: float, workout: Workout, rows: list[Row]) -> Totals:
    sets = workout.sets.values_list("sets", "repetitions", "weight_kg")
    return totals_of(rows, sets, active_seconds(end, workout.pauses))


@transaction.atomic
def add_set(
    owner: User,
    exercise: str,
    sets: int,
    repetitions: int,
    weight_kg: float,
    client_id: str | None = None,
    workout_id: int | None = None,
) -> ExerciseSet:
    """Store a set of the workout that goes on, numbered under its lock; published on commit.

    A `client_id` used already gives that set, also of a workout that is over. Raises Conflict if
    none goes on, or another than `workout_id`.
    """
    limits.count("messages", owner.pk, settings.USER_MESSAGES_PER_MINUTE)
    workout = unfinished(owner).select_for_update().first()
    own = ExerciseSet.objects.filter(workout__owner=owner)
    if client_id and (known := own.filter(client_id=client_id).first()):
        return known
    if workout is None:
        raise Conflict(NONE)
    if workout_id not in (None, workout.pk):
        raise Conflict("the workout of that set is over")
    what = {"exercise": exercise, "sets": sets, "repetitions": repetitions, "weight_kg": weight_kg}
    return store_set(workout, owner, **what, client_id=client_id)


def store_set(workout: Workout, owner: User, **what) -> ExerciseSet:
    """The next set of a locked workout; published on commit. Raises Conflict when it is full."""
    number = workout.sets.count() + 1
    if number > MAX_SETS:
        raise Conflict(f"a workout holds {MAX_SETS} sets, and no more")
    done = workout.sets.create(number=number, **what)
    publish_on_commit(groups.workout(owner.pk), wire.set_frame(done, owner.username), workout.pk)
    return done


# --8<-- [start:samples]
@transaction.atomic
def store_samples(workout_id: int, rows: Iterable[Row]) -> None:
    """Append samples; committed on return.

    One of a time that is there already adds what was not measured then, and else changes nothing:
    what is sent again is stored once. To a finished workout come the last ones of another tab.
    Raises Conflict when it is full, Workout.DoesNotExist when it was deleted, TooMuch.
    """
    workout = Workout.objects.select_for_update().get(pk=workout_id)
    limits.count("batches", workout.owner_id, BATCHES_PER_MINUTE)
    add_rows(workout, rows)
    if workout.state == State.FINISHED:
        complete(workout)
    else:
        workout.save(update_fields=["saved_up_to"])


def add_rows(workout: Workout, rows: Iterable[Row]) -> None:
    rows = sorted(map(list, rows), key=time_of)
    if not rows:
        return
    since = workout.chunks.filter(last_t__gte=rows[0][0])
    if since.count() > FAR_BACK:
        limits.count("late-batches", workout.owner_id, FAR_BACK_PER_MINUTE)
    chunks = list(since)
    last = workout.chunks.last()
    if last and last not in chunks:
        chunks.append(last)
    known = {row[0]: (chunk, row) for chunk in chunks for row in chunk.rows}
    changed = {}
    for row in rows:
        chunk, before = known.get(row[0], (None, None))
        if before:
            before[:] = [new if old is None else old for old, new in zip(before, row, strict=True)]
        else:
            if not chunks or len(chunks[-1].rows) >= CHUNK:
                number = chunks[-1].number + 1 if chunks else 1
                if number > MAX_CHUNKS:
                    raise Conflict(f"a workout holds {MAX_CHUNKS * CHUNK} samples, and no more")
                chunks.append(Samples(workout=workout, number=number, last_t=row[0]))
            chunk = chunks[-1]
            chunk.rows.append(row)
            chunk.last_t = max(chunk.last_t, row[0])
            known[row[0]] = chunk, row
        changed[chunk.number] = chunk
    for chunk in changed.values():
        chunk.save()
    workout.saved_up_to = max(rows[-1][0], workout.saved_up_to or 0.0)


# --8<-- [end:samples]


def time_of(row: Row) -> float:
    return row[0]


def rows_of(workout: Workout) -> list[Row]:
    """All samples of a workout, in the order of their time."""
    return sorted((row for chunk in workout.chunks.all() for row in chunk.rows), key=time_of)


def state_of(owner: User, workout: Workout | None, role: str) -> wire.WorkoutState:
    """How things are, for a new arrival."""
    if workout is None:
        return wire.state_frame(owner, role, None, Totals())
    rows = rows_of(workout)
    totals = totals_until(workout.now(), workout, rows)
    return wire.state_frame(owner, role, workout, totals, workout.sets.all(), thin(rows, POINTS))


@transaction.atomic
def store_recording(owner: User, recording: Recording) -> Workout:
    """Store a finished workout of a device, with the profile's privacy, totals and achievements.

    Raises Conflict if this recording is there already, or is too long.
    """
    content = json.encode([recording.kind, recording.started_at, recording.samples])
    workout, is_new = Workout.objects.get_or_create(
        owner=owner,
        fingerprint=hashlib.sha256(content).hexdigest(),
        defaults={
            "kind": recording.kind,
            "privacy": Profile.objects.get(user=owner).privacy,
            "state": State.FINISHED,
            "started_at": recording.started_at,
            "source": "import",
        },
    )
    if not is_new:
        raise Conflict("this recording is there already")
    add_rows(workout, recording.samples)
    complete(workout)
    return workout


def tell_watchers(workout: Workout) -> None:
    """Have who watches it, here and with the form coach, look again whether they may."""
    tell_group(groups.workout(workout.owner_id))
    tell_group(groups.form(workout.pk))


@transaction.atomic
def delete(workout: Workout) -> None:
    """Remove a workout, also one that goes on. What it was awarded stays."""
    tell_watchers(workout)
    workout.delete()


@transaction.atomic
def change_privacy(workout: Workout, privacy: Privacy) -> None:
    """Show a workout to others than before; who watches it live is looked at again.

    Raises TooMuch.
    """
    limits.count("changes", workout.owner_id, CHANGES_PER_MINUTE)
    workout.privacy = privacy
    workout.save(update_fields=["privacy"])
    tell_watchers(workout)


CHANGES = {wire.WorkoutPause: pause, wire.WorkoutResume: resume, wire.WorkoutFinish: finish}
