"""What notifications do, without sockets: told once, numbered, marked. Called in a thread."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from notifications import messages as wire
from notifications.achievements import Award, Fact, due
from notifications.models import Achievement, Bell, Kind, Notification
from people.models import Privacy
from people.relations import Relation, blocks, friends_of, may_see
from realtime import groups
from realtime.pages import read_page
from realtime.publish import in_loop, publish, publish_on_commit

CHUNK = 500  # people whose bells are rung in one go


# --8<-- [start:send]
def notify(user: User, kind: str, key=None, about: User | None = None, **data):
    """Tell somebody something: the Notification, or None if they were told (`key`).

    Inside a transaction that tells several people, use `send` once for all of them.
    """
    told = send([Notification(user=user, kind=kind, key=key, about=about, data=data)])
    return told[0] if told else None


@transaction.atomic
def send(new: Iterable[Notification]) -> list[Notification]:
    """Number, store, and after the commit publish notifications to any number of people.

    Gives those that were not told before. The bells are made, and then locked, in the order of
    their people's ids: two that ring the same ones wait for each other, and never crosswise.
    A few queries for each CHUNK of people, and about a quarter of a millisecond a person, most of
    it for the rows; the locks last until the caller's transaction ends.
    """
    by_user, told = {}, []
    for notification in new:
        by_user.setdefault(notification.user_id, []).append(notification)
    user_ids = sorted(by_user)
    Bell.objects.bulk_create([Bell(user_id=pk) for pk in user_ids], CHUNK, ignore_conflicts=True)
    for start in range(0, len(user_ids), CHUNK):
        some = user_ids[start : start + CHUNK]
        bells = Bell.objects.select_for_update().filter(pk__in=some).order_by("pk").in_bulk()
        rows = [row for pk in some for row in by_user[pk] if pk in bells]
        keys = {row.key for row in rows} - {None}
        used = Notification.objects.filter(user__in=some, key__in=keys)
        used = set(used.values_list("user_id", "key"))
        fresh = []
        for row in rows:
            if row.key and (row.user_id, row.key) in used:
                continue
            used.add((row.user_id, row.key))
            bells[row.user_id].last_number += 1
            row.number = bells[row.user_id].last_number
            fresh.append(row)
        Bell.objects.bulk_update(bells.values(), ["last_number"])
        told += Notification.objects.bulk_create(fresh)
    frames = [(row.user_id, wire.frame_of(row)) for row in told]
    transaction.on_commit(lambda: in_loop(deliver, frames), robust=True)
    return told


async def deliver(frames: list) -> None:
    """One hop to the event loop for all of them. What gets lost is fetched: NumberedMixin."""
    for user_id, frame in frames:
        await publish(groups.notifications(user_id), frame, frame.number)


# --8<-- [end:send]


# --8<-- [start:award]
@transaction.atomic
def award(user_id: int) -> list[Achievement]:
    """Give what the stored workouts are worth and was not given yet; tell them, and friends.

    However often this runs, and in however many processes at once: the unique key decides. What
    was given stays, whatever becomes of the workouts.
    """
    user = User.objects.get(pk=user_id)
    known = given(user)
    facts = list(facts_of(user))
    awards = [one for one in due([fact for fact, _ in facts]) if one.key not in known]
    awarded = [new for one in awards if (new := take(user, one))]
    keys = {achievement.key for achievement in awarded}
    # Friends are told what the workouts they may see are worth by themselves: the end of a
    # streak whose other days are private is none for them.
    open_ = [fact for fact, privacy in facts if may_see(Relation.FRIEND, privacy)]
    shown = [one for one in due(open_) if one.key in keys]
    own = [notice(user_id, Kind.ACHIEVEMENT, one, workout_id=one.workout_id) for one in awarded]
    theirs = [
        notice(friend_id, Kind.FRIEND_ACHIEVEMENT, one, about=user)
        for friend_id in (friends_to_tell(user_id) if shown else [])
        for one in shown
    ]
    send([*own, *theirs])
    return awarded


def take(user: User, one: Award) -> Achievement | None:
    """None for who comes second; the savepoint keeps the rest of their transaction whole."""
    try:
        with transaction.atomic():
            return Achievement.objects.create(user=user, **asdict(one))
    except IntegrityError:
        return None


# --8<-- [end:award]


def given(user: User) -> set[str]:
    return set(user.achievements.values_list("key", flat=True))


def notice(user_id: int, kind: str, one: Award | Achievement, about=None, **data) -> Notification:
    """One of the notifications of an award."""
    key = f"{one.key}.{about.pk if about else ''}"
    data |= {"rule": one.rule, "title": one.title, "detail": one.detail}
    return Notification(user_id=user_id, kind=kind, key=key, about=about, data=data)


def friends_to_tell(user_id: int) -> QuerySet:
    """Ids of friends, without those of a friendship that a block has not ended yet."""
    blocked = Exists(blocks(OuterRef("pk"), user_id))
    return friends_of(user_id).exclude(blocked).values_list("pk", flat=True)


def facts_of(user: User) -> Iterator[tuple[Fact, Privacy]]:
    """The finished workouts, the earliest first, each with its privacy: in two queries."""
    from workouts.models import ExerciseSet, Workout  # they import this module

    finished = Workout.objects.filter(owner=user, state="finished")
    lifted = ExerciseSet.objects.filter(workout__in=finished, weight_kg__gt=0)
    weights = {}
    for pk, exercise, kg in lifted.values_list("workout", "exercise").annotate(Max("weight_kg")):
        exercises = weights.setdefault(pk, {})
        name = exercise.strip().lower()[:80]
        exercises[name] = max(kg, exercises.get(name, 0))
    rows = finished.order_by("started_at", "pk").values_list(
        "pk", "kind", "privacy", "started_at", "distance_m", "duration_seconds"
    )
    for pk, kind, privacy, at, metres, seconds in rows:
        day = timezone.localdate(at)
        yield Fact(pk, kind, day, metres or 0, seconds, weights.get(pk, {})), privacy


def page(user_id: int, **which) -> list[Notification]:
    """A page of somebody's notifications: see read_page."""
    return read_page(Notification.objects.filter(user=user_id).select_related("about"), **which)


def unread(user_id: int) -> tuple[int, int]:
    """How many are unread, and up to which number that was counted: in one query, at one moment."""
    count = Count("user__notifications", filter=Q(user__notifications__read_at=None))
    bells = Bell.objects.filter(pk=user_id).annotate(unread=count)
    return bells.values_list("unread", "last_number").first() or (0, 0)


@transaction.atomic
def mark(user_id: int, is_read: bool, *, numbers=None, up_to: int | None = None) -> wire.Marked:
    """Mark some of a person's own, or all up to a number, and tell each of their tabs.

    One at a time: of two that each count without the other's, neither would be right at the end.
    """
    list(Bell.objects.select_for_update().filter(pk=user_id))
    which = Q(number__lte=up_to) if numbers is None else Q(number__in=numbers)
    changed = Notification.objects.filter(which, user=user_id, read_at__isnull=is_read)
    changed.update(read_at=timezone.now() if is_read else None)
    marked = wire.Marked(is_read, *unread(user_id), numbers, up_to)
    publish_on_commit(groups.notifications(user_id), marked)
    return marked
