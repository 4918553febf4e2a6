"""Who is in a room: a row for each connection, kept fresh while it lives, cleaned by time.

A layer's group cannot be listed or counted, and a killed server says goodbye to nobody.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from rooms.models import Connection, Room

NAME = re.compile(r"[^\W_](?:[\w .'-]{0,28}[\w.])?")


class InvalidName(Exception):
    """The name cannot be one."""


class NameTaken(Exception):
    """Somebody else in the room has that name."""


@dataclass(frozen=True)
class Arrival:
    """What joining came to."""

    username: str
    is_first: bool  # no other tab of this guest is here
    usernames: list[str]


def _alive(room_id: int) -> QuerySet[Connection]:
    fresh = timezone.now() - timedelta(seconds=settings.GONE_AFTER)
    return Connection.objects.filter(room_id=room_id, seen_at__gte=fresh)


def usernames(room_id: int) -> list[str]:
    """The people in a room, each once, by name."""
    return sorted(set(_alive(room_id).values_list("username", flat=True)), key=str.casefold)


# --8<-- [start:join]
@transaction.atomic
def join(room_id: int, guest: str, name: str | None, channel_name: str) -> Arrival:
    """Add a connection under `name`, or under a free "Guest N" if there is none.

    Raises InvalidName, or NameTaken if another guest in the room has it.
    """
    if name is not None and not NAME.fullmatch(name):
        raise InvalidName("a name has 1 to 30 letters, digits, spaces, or . ' _ -")
    Room.objects.select_for_update().get(pk=room_id)  # one joins at a time: names are unique
    taken = {
        username.casefold(): owner
        for username, owner in _alive(room_id).values_list("username", "guest")
    }
    is_first = guest not in taken.values()
    if name is None:
        own = next((username for username, owner in taken.items() if owner == guest), None)
        name = own or next(f"Guest {n}" for n in count(1) if f"guest {n}" not in taken)
    elif taken.get(name.casefold(), guest) != guest:
        raise NameTaken(f"somebody here is called {name}")
    Connection.objects.create(
        room_id=room_id, guest=guest, username=name, channel_name=channel_name
    )
    return Arrival(name, is_first, usernames(room_id))


# --8<-- [end:join]


def leave(room_id: int, guest: str, channel_name: str) -> bool:
    """Remove a connection; True if it was the guest's last one."""
    removed, _ = Connection.objects.filter(channel_name=channel_name).delete()
    return bool(removed) and not _alive(room_id).filter(guest=guest).exists()


# --8<-- [start:beat]
def beat(room_id: int, channel_name: str) -> list[str]:
    """Say that a connection lives; remove the dead ones of its room and return who is gone."""
    now = timezone.now()
    Connection.objects.filter(channel_name=channel_name).update(seen_at=now)
    silent = Connection.objects.filter(
        room_id=room_id, seen_at__lt=now - timedelta(seconds=settings.GONE_AFTER)
    )
    with transaction.atomic():  # two processes may sweep at once: each name is returned once
        dead = dict(silent.select_for_update().values_list("pk", "username"))
        Connection.objects.filter(pk__in=dead).delete()
    return sorted(set(dead.values()) - set(usernames(room_id)))


# --8<-- [end:beat]


def newest(room_id: int) -> int:
    """The number of the room's newest message, 0 before the first."""
    return Room.objects.values_list("last_number", flat=True).get(pk=room_id)


def channels_of(room_id: int, username: str) -> list[str]:
    """The channel names of a person's connections."""
    found = _alive(room_id).filter(username__iexact=username)
    return list(found.values_list("channel_name", flat=True))
