"""Who is in a room: a row for each connection. Nobody asks yet whose it is, or whether it lives."""

from itertools import count

from django.db.models import QuerySet

from rooms.models import Connection


def alive() -> QuerySet[Connection]:
    """All connections, in all rooms."""
    return Connection.objects.all()


def usernames(room_id: int) -> list[str]:
    """The people in a room, each once, by name."""
    here = alive().filter(room_id=room_id)
    return sorted(set(here.values_list("username", flat=True)), key=str.casefold)


def join(room_id: int, name: str | None, channel_name: str) -> str:
    """Add a connection under `name`; without one, under a free "Guest N". Returns the name."""
    taken = usernames(room_id)
    name = name or next(f"Guest {n}" for n in count(1) if f"Guest {n}" not in taken)
    Connection.objects.create(
        room_id=room_id, guest=channel_name, username=name[:30], channel_name=channel_name
    )
    return name[:30]


def leave(channel_name: str) -> None:
    """Remove a connection."""
    Connection.objects.filter(channel_name=channel_name).delete()
