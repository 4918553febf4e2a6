"""Who is in a room: a row for each connection, kept fresh while it lives, cleaned by time.

A layer's group cannot be listed or counted, and a killed server says goodbye to nobody.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from rooms.models import Connection, Room


class Forgotten(Exception):
    """The connection was silent for so long that it was taken for dead."""


def alive() -> QuerySet[Connection]:
    """The connections that were heard of lately, in all rooms."""
    fresh = timezone.now() - timedelta(seconds=settings.GONE_AFTER)
    return Connection.objects.filter(seen_at__gte=fresh)


def usernames(room_id: int) -> list[str]:
    """The people in a room, each once, by name."""
    here = alive().filter(room_id=room_id)
    return sorted(set(here.values_list("user__username", flat=True)), key=str.casefold)


def channels_of(room_id: int, **person) -> list[str]:
    """The channel names of a person's connections: by `user_id`, or by `user__username`."""
    return list(alive().filter(room_id=room_id, **person).values_list("channel_name", flat=True))


# --8<-- [start:join]
@transaction.atomic
def join(room_id: int, user_id: int, channel_name: str) -> bool:
    """Add a connection of this person; True if it is their first one here."""
    Room.objects.select_for_update().get(pk=room_id)  # one joins at a time: one of them is first
    is_first = not alive().filter(room_id=room_id, user_id=user_id).exists()
    Connection.objects.create(room_id=room_id, user_id=user_id, channel_name=channel_name)
    return is_first


# --8<-- [end:join]


def leave(room_id: int, user_id: int, channel_name: str) -> bool:
    """Remove a connection; True if it was the person's last one."""
    removed, _ = Connection.objects.filter(channel_name=channel_name).delete()
    return bool(removed) and not channels_of(room_id, user_id=user_id)


# --8<-- [start:beat]
@transaction.atomic
def beat(room_id: int, channel_name: str) -> list[str]:
    """Say that a connection lives; remove the dead ones of its room and return who is gone."""
    now = timezone.now()
    if not Connection.objects.filter(channel_name=channel_name).update(seen_at=now):
        raise Forgotten
    silent = Connection.objects.filter(
        room_id=room_id, seen_at__lt=now - timedelta(seconds=settings.GONE_AFTER)
    )
    # Locked: two processes may sweep at once, and each name is to be returned once.
    silent = silent.select_for_update(of=["self"])
    dead = dict(silent.values_list("pk", "user__username"))
    Connection.objects.filter(pk__in=dead).delete()
    return sorted(set(dead.values()) - set(usernames(room_id)))


# --8<-- [end:beat]
