"""What a room does, without sockets: store, and read again. Plain Django, called in a thread."""

from django.contrib.auth.models import User
from django.core.validators import slug_re
from django.db import transaction

from rooms.models import Message, Room

PAGE = 50  # messages


class NotAMember(Exception):
    """The room is there, and this person is not in it."""


# --8<-- [start:find]
def find(slug: str, user: User) -> Room:
    """A member's room of that name. Raises Room.DoesNotExist or NotAMember.

    The page, the socket at its handshake and each recheck ask here, and nowhere else.
    """
    if not slug_re.match(slug):  # PostgreSQL refuses to look for a NUL character
        raise Room.DoesNotExist
    room = Room.objects.get(name=slug)
    if not room.members.filter(pk=user.pk).exists():
        raise NotAMember
    return room


# --8<-- [end:find]


@transaction.atomic
def make(room: Room, user: User) -> None:
    """Store a new room, with its maker as the first member."""
    room.save()
    room.members.add(user)


# --8<-- [start:store]
@transaction.atomic
def store(room_id: int, user: User, text: str, client_id: str | None) -> Message:
    """Store a message under the next number of its room; committed when this returns.

    The number is taken while the room's row is locked: whoever gets a higher one commits later.
    A database's own ids do not promise that. A `client_id` that this person
    has sent before gives that row.
    """
    room = Room.objects.select_for_update().get(pk=room_id)
    if client_id:
        sent = room.messages.filter(user=user, client_id=client_id).select_related("user")
        if known := sent.first():
            return known
    room.last_number += 1
    room.save(update_fields=["last_number"])
    return room.messages.create(number=room.last_number, user=user, text=text, client_id=client_id)


# --8<-- [end:store]


def before(room_id: int, number: int | None = None) -> list[Message]:
    """The page of messages before `number` (None: the newest), oldest first."""
    messages = Message.objects.filter(room_id=room_id).select_related("user")
    if number is not None:
        messages = messages.filter(number__lt=number)
    return list(messages.order_by("-number")[:PAGE])[::-1]


def after(room_id: int, number: int) -> list[Message]:
    """The page of messages after `number`, oldest first."""
    messages = Message.objects.filter(room_id=room_id, number__gt=number)
    return list(messages.select_related("user").order_by("number")[:PAGE])
