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


class Forgotten(Exception):
    """The connection was silent for so long that it was taken for dead."""


@dataclass(frozen=True)
class Arrival:
    """What joining came to."""

    username: str
    is_first: bool  # no other tab of this guest is here


def alive() -> QuerySet[Connection]:
    """The connections that were heard of lately, in all rooms."""
    fresh = timezone.now() - timedelta(seconds=settings.GONE_AFTER)
    return Connection.objects.filter(seen_at__gte=fresh)


def usernames(room_id: int) -> list[str]:
    """The people in a room, each once, by name."""
    here = alive().filter(room_id=room_id)
    return sorted(set(here.values_list("username", flat=True)), key=str.casefold)


def channels_of(room_id: int, username: str) -> list[str]:
    """The channel names of a person's connections."""
    found = alive().filter(room_id=room_id, username=username)
    return list(found.values_list("channel_name", flat=True))


# --8<-- [start:join]
@transaction.atomic
def join(room_id: int, guest: str, name: str | None, channel_name: str) -> Arrival:
    """Add a connection under `name`; without one, under the guest's own or a free "Guest N".

    Raises InvalidName, or NameTaken if another guest in the room has it.
    """
    if name is not None and not NAME.fullmatch(name):
        raise InvalidName("a name has 1 to 30 letters, digits, spaces, or . ' _ -")
    Room.objects.select_for_update().get(pk=room_id)  # one joins at a time: names are unique
    here = list(alive().filter(room_id=room_id).values_list("username", "guest"))
    taken = {username.casefold() for username, owner in here if owner != guest}
    if name is None:
        own = (username for username, owner in here if owner == guest)
        free = (f"Guest {n}" for n in count(1) if f"guest {n}" not in taken)
        name = next(own, None) or next(free)
    elif name.casefold() in taken:
        raise NameTaken(f"somebody here is called {name}")
    Connection.objects.create(
        room_id=room_id, guest=guest, username=name, channel_name=channel_name
    )
    return Arrival(name, is_first=(name, guest) not in here)


# --8<-- [end:join]


def leave(room_id: int, username: str, channel_name: str) -> bool:
    """Remove a connection; True if it was the person's last one."""
    removed, _ = Connection.objects.filter(channel_name=channel_name).delete()
    return bool(removed) and not channels_of(room_id, username)


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
    dead = dict(silent.select_for_update().values_list("pk", "username"))
    Connection.objects.filter(pk__in=dead).delete()
    return sorted(set(dead.values()) - set(usernames(room_id)))


# --8<-- [end:beat]
