"""The names of this app's groups, in one place, made from database ids only."""


def room_group(room_id: int) -> str:
    """Everybody connected to a room. A name from a client could break the layer's rules."""
    return f"room.{room_id}"
