"""What a challenge does, without sockets: who may, join, progress, the end. Called in a thread."""

import re

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from challenges.board import Board, Entry, ranked
from challenges.models import Challenge, Metric, Participant, Update
from notifications import services as notifications
from notifications.models import Kind, Notification
from people.relations import blocks, friends_of
from realtime import groups, limits
from realtime.publish import send_on_commit
from realtime.refusals import Conflict, NotAllowed

MAX_PARTICIPANTS = 1_000  # each board is made of all of them
NEW_PER_MINUTE = 10  # challenges of one person
TICK = 0.2  # seconds between two boards
ENTRY = ("user", "user__username", "progress", "reached")  # of a participant, as in board.Entry


def visible_to(user: User) -> QuerySet[Challenge]:
    """Public ones, one's own, friends', and those one takes part in; none across a block."""
    blocked = Exists(blocks(OuterRef("made_by"), user.pk))
    own = Participant.objects.filter(user=user).values("challenge")
    return Challenge.objects.exclude(blocked).filter(
        Q(is_public=True) | Q(made_by=user) | Q(made_by__in=friends_of(user.pk)) | Q(pk__in=own)
    )


def find(user: User, challenge_id: int | str) -> Challenge:
    """One of them, its end carried out if that is due. Raises Challenge.DoesNotExist."""
    if not re.fullmatch("[0-9]{1,18}", str(challenge_id)):
        raise Challenge.DoesNotExist
    found = visible_to(user).select_related("made_by", "winner")
    challenge = found.get(pk=challenge_id)
    if challenge.dissolved_at is None and challenge.is_over:
        end(challenge.pk)
        challenge = found.get(pk=challenge_id)
    return challenge


def list_for(user: User) -> QuerySet[Challenge]:
    """The hundred that end last. Whoever looks carries out the ends that are due."""
    end_due()
    return visible_to(user).select_related("made_by", "winner")[:100]


def places_of(user: User) -> QuerySet[Participant]:
    """Somebody in each challenge that runs with them, with `place`, `many` and `leader`."""
    others = Participant.objects.filter(challenge=OuterRef("challenge"))
    as_far = Q(progress=OuterRef("progress"), reached__lt=OuterRef("reached"))
    ahead = others.filter(Q(progress__gt=OuterRef("progress")) | as_far)
    first = others.order_by("-progress", "reached").values("user__username")[:1]
    now = timezone.now()
    running = {"challenge__starts_at__lte": now, "challenge__ends_at__gt": now}
    own = Participant.objects.filter(user=user, challenge__dissolved_at=None, **running)
    found = own.annotate(place=how_many(ahead) + 1, many=how_many(others), leader=Subquery(first))
    return found.select_related("challenge").order_by("challenge__ends_at")


def how_many(participants: QuerySet[Participant]) -> Coalesce:
    """In a query over participants: the number of these."""
    many = participants.order_by().values("challenge").values(many=Count("*"))
    return Coalesce(Subquery(many), 0)


def locked(challenge_id: int, *, running=True) -> Challenge:
    """The challenge, and with it the right to change its board. Raises Conflict if it is over."""
    challenge = Challenge.objects.select_for_update().get(pk=challenge_id)
    if running and challenge.is_over:
        raise Conflict("the challenge is over")
    return challenge


def count(user: User) -> None:
    """One more change of a board by this person. Raises TooMuch."""
    limits.count("updates", user.pk, settings.USER_MESSAGES_PER_MINUTE)


def count_new(user: User) -> None:
    """One more challenge made by this person. Raises TooMuch."""
    limits.count("challenges", user.pk, NEW_PER_MINUTE)


def next_version(challenge: Challenge) -> int:
    challenge.version += 1
    challenge.save(update_fields=["version"])
    return challenge.version


@transaction.atomic
def join(challenge_id: int, user: User) -> int:
    """Take part, once however often; the board's version."""
    count(user)
    challenge = locked(challenge_id)
    if not visible_to(user).filter(pk=challenge_id).exists():  # a block waits for the lock
        raise Challenge.DoesNotExist
    if challenge.participants.filter(user=user).exists():
        return challenge.version
    if challenge.participants.count() >= MAX_PARTICIPANTS:
        raise Conflict(f"{MAX_PARTICIPANTS} take part already, and no more can")
    challenge.participants.create(user=user, reached=next_version(challenge))
    send_on_commit(groups.challenge(challenge_id), "changed")
    return challenge.version


@transaction.atomic
def leave(challenge_id: int, user: User) -> int:
    """Take part no more. Deleting the row is all: signals.py has the board shown again."""
    count(user)
    locked(challenge_id).participants.filter(user=user).delete()
    return Challenge.objects.values_list("version", flat=True).get(pk=challenge_id)


@transaction.atomic
def progress(challenge_id: int, user: User, value: float, client_id: str) -> int:
    """Store how much somebody has done; the board's version that has it. Committed on return."""
    count(user)
    challenge = locked(challenge_id, running=False)
    me = challenge.participants.filter(user=user).first()
    if me is None:
        raise NotAllowed("you take no part in this challenge: join it first")
    if known := me.updates.filter(client_id=client_id).first():
        return known.version
    if challenge.is_over:
        raise Conflict("the challenge is over")
    if timezone.now() < challenge.starts_at:
        raise Conflict("the challenge has not begun")
    if value < me.progress:
        total = f"{me.progress:.15g} {Metric(challenge.metric).unit}"
        raise Conflict(f"that is less than the {total} you have already")
    if value > me.progress:
        me.progress, me.reached = value, next_version(challenge)
        me.save(update_fields=["progress", "reached"])
    Update.objects.create(participant=me, client_id=client_id, version=challenge.version)
    return challenge.version


# --8<-- [start:claim]
@transaction.atomic
def claim(challenge_id: int) -> tuple[int | None, bool]:
    """The version to show, to the one process that may show it; and whether to ask again soon.

    The challenge's row is what all processes share: however many they are, two boards are TICK
    apart by their clocks. A clock behind the last one's is no reason to wait.
    """
    challenge = Challenge.objects.select_for_update().filter(pk=challenge_id).first()
    if challenge is None or challenge.shown >= challenge.version:
        return None, False
    now = timezone.now()
    if 0 <= (now - challenge.shown_at).total_seconds() < TICK:
        return None, True
    challenge.shown, challenge.shown_at = challenge.version, now
    challenge.save(update_fields=["shown", "shown_at"])
    return challenge.version, False


def read(challenge_id: int) -> Board:
    """The board, in one statement: its version and its lines are of one moment."""
    board = ["version", "dissolved_at", "winner__username"]
    lines = [f"participants__{field}" for field in ENTRY]
    rows = Challenge.objects.filter(pk=challenge_id).values_list(*board, *lines)
    if not (rows := list(rows)):
        raise Challenge.DoesNotExist
    version, dissolved_at, winner = rows[0][:3]
    entries = [Entry(*row[3:]) for row in rows if row[3] is not None]
    return Board(version, entries, dissolved_at is not None, winner)


# --8<-- [end:claim]


# --8<-- [start:end]
@transaction.atomic
def end(challenge_id: int, by: User | None = None) -> bool:
    """Carry out the end that is due, or that its maker wants; True to exactly one caller.

    Under the lock no more progress comes, so the winner is the last board's first; that, the
    notifications and the dissolution are one transaction, and a crash before it leaves the end due.
    """
    challenge = locked(challenge_id, running=False)
    if by and by.pk != challenge.made_by_id:
        raise NotAllowed("only who made a challenge can end it")
    if challenge.dissolved_at or not (by or challenge.is_over):
        return False
    in_order = ranked(Entry(*row) for row in challenge.participants.values_list(*ENTRY))
    winner = in_order[0] if in_order and in_order[0].progress > 0 else None
    challenge.winner_id = winner and winner.user_id
    challenge.dissolved_at = timezone.now()
    challenge.shown = challenge.version = challenge.version + 1
    challenge.save()
    places = {entry.user_id: place for place, entry in enumerate(in_order, 1)}
    data = {
        "challenge_id": challenge.pk,
        "name": challenge.name,
        "winner": winner and winner.username,
    }
    notifications.send(
        Notification(
            user_id=user_id,
            kind=Kind.CHALLENGE_ENDED,
            key=f"challenge_ended.{challenge.pk}",
            data={**data, "place": places.get(user_id)},
        )
        for user_id in {*places, challenge.made_by_id}
    )
    send_on_commit(groups.challenge(challenge.pk), "show", version=challenge.version)
    return True


def end_due() -> int:
    """Carry out all ends that are due; how many were left to us."""
    due = Challenge.objects.filter(dissolved_at=None, ends_at__lte=timezone.now())
    return sum(map(end, due.values_list("pk", flat=True)))


# --8<-- [end:end]
