"""What a room does, without sockets: store, and read again. Plain Django, called in a thread."""

from django.core.validators import slug_re
from django.db import transaction

from rooms.models import Message, Room

PAGE = 50  # messages


def find(slug: str) -> Room:
    """The room of that name. Raises Room.DoesNotExist, for what cannot be a name too."""
    if not slug_re.match(slug):  # PostgreSQL refuses to look for a NUL character
        raise Room.DoesNotExist
    return Room.objects.get(name=slug)


# --8<-- [start:store]
@transaction.atomic
def store(room_id: int, username: str, text: str, client_id: str | None) -> Message:
    """Store a message under the next number of its room; committed when this returns.

    The number is taken while the room's row is locked: whoever gets a higher one commits later.
    A database's own ids do not promise that. A `client_id` that this guest
    has sent before gives that row.
    """
    room = Room.objects.select_for_update().get(pk=room_id)
    if client_id:
        sent = room.messages.filter(username=username, client_id=client_id)
        if known := sent.first():
            return known
    room.last_number += 1
    room.save(update_fields=["last_number"])
    return room.messages.create(
        number=room.last_number, username=username, text=text, client_id=client_id
    )


# --8<-- [end:store]


def before(room_id: int, number: int | None = None) -> list[Message]:
    """The page of messages before `number` (None: the newest), oldest first."""
    messages = Message.objects.filter(room_id=room_id)
    if number is not None:
        messages = messages.filter(number__lt=number)
    return list(messages.order_by("-number")[:PAGE])[::-1]


def after(room_id: int, number: int) -> list[Message]:
    """The page of messages after `number`, oldest first."""
    messages = Message.objects.filter(room_id=room_id, number__gt=number)
    return list(messages.order_by("number")[:PAGE])
