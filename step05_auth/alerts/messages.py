"""What travels on /ws/alerts/: each message is a struct, told apart by its `type`."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from accounts.messages import Authenticate
from frames.messages import Closing, Error, InvalidMessage, decoder, encode  # noqa: F401

GroupName = Annotated[str, Meta(max_length=64)]  # "staff", "team.<id>" or "person.<id>"


class Subscribe(Struct, tag_field="type", tag="subscribe"):
    """Hear this group as well, from now on."""

    group: GroupName


class Unsubscribe(Struct, tag_field="type", tag="unsubscribe"):
    """Hear this group no more."""

    group: GroupName


class Subscribed(Struct, tag_field="type", tag="subscribed"):
    """What you hear now. Also the first frame, and sent when you lose a group."""

    groups: list[str]


class Alert(Struct, tag_field="type", tag="alert"):
    """Something to know, for a group; `by` is the username of who sent it."""

    text: str
    group: str
    by: str
    sent_at: datetime


decode = decoder(Subscribe | Unsubscribe | Authenticate)
