"""What travels on /ws/alerts/: each message is a struct, told apart by its `type`."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from frames.messages import Closing, Error, InvalidMessage, decoder, encode  # noqa: F401

ClassId = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class PickClass(Struct, tag_field="type", tag="pick_class"):
    """Hear of this class and of its club from now on, and of no other."""

    class_id: ClassId


class LeaveClass(Struct, tag_field="type", tag="leave_class"):
    """Hear only what is for everyone."""


class Picked(Struct, tag_field="type", tag="picked"):
    """What you hear of now, this class and its club or neither. Also the first frame."""

    class_id: int | None
    name: str | None = None
    club: str | None = None


class Announcement(Struct, tag_field="type", tag="announcement"):
    """Something to know. `level` is "everyone", "club.<id>" or "class.<id>"."""

    text: str
    level: str
    sent_at: datetime


decode = decoder(PickClass | LeaveClass)  # of one struct alone, msgspec would ask no `type`
