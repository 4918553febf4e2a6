"""What every socket here takes and gives, whatever else it speaks."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from frames.messages import decoder


class Authenticate(Struct, tag_field="type", tag="authenticate"):
    """An access token: as the first message, or a fresh one before the old one expires."""

    token: Annotated[str, Meta(min_length=1, max_length=8192)]


class Authenticated(Struct, tag_field="type", tag="authenticated"):
    """The fresh token was taken."""

    expires_at: datetime


class Nothing(Struct, tag_field="type", tag="nothing"):
    """There is nothing to say on this socket; with one struct alone, msgspec asks no `type`."""


class Whoami(Struct, tag_field="type", tag="whoami"):
    """Who you are here, and how you proved it."""

    user_id: int
    username: str
    via: str


decode = decoder(Authenticate | Nothing)
