"""How a message travels, and what every socket here takes and gives whatever else it speaks."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, json

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Authenticate(Struct, tag_field="type", tag="authenticate"):
    """An access token: as the first message, or a fresh one before the old one expires."""

    token: Annotated[str, Meta(min_length=1, max_length=8192)]


# --8<-- [start:ping]
class Ping(Struct, tag_field="type", tag="ping"):
    """Are you there? No script in a browser is told of the server's own pings."""


# --8<-- [end:ping]


class AskHistory(Struct, tag_field="type", tag="history"):
    """Ask for the page before this number."""

    before: Number


class Seen(Struct, tag_field="type", tag="seen"):
    """You have taken so many more frames. Who never says so is put out at some time (4013)."""

    frames: Annotated[int, Meta(ge=1, le=1000)]


class Pong(Struct, tag_field="type", tag="pong"):
    """Yes: the answer to `ping`."""


class Authenticated(Struct, tag_field="type", tag="authenticated"):
    """The fresh token was taken."""

    expires_at: datetime


class Ack(Struct, tag_field="type", tag="ack"):
    """Your message is stored."""

    client_id: str | None
    number: int


class Error(Struct, tag_field="type", tag="error"):
    """A message of yours was refused; the connection stays open."""

    code: str
    detail: str


class Closing(Struct, tag_field="type", tag="closing"):
    """Why the server closes: sent first, since Daphne drops a close's reason."""

    code: int
    reason: str


class InvalidMessage(Exception):
    """What came in is not one of ours; the text says which field is wrong and why."""


QUOTED = re.compile(r" '.*'(?= - at)", re.DOTALL)  # a value in msgspec's text: it may be a secret


def decoder(incoming: Any) -> Callable[[str | None], Any]:
    """Make the function that reads a frame as one of the structs `incoming`."""
    parse = json.Decoder(incoming).decode

    def decode(text: str | None):
        """The message in a frame, checked; `text` is None for a binary frame.

        Raises InvalidMessage for whatever is not exactly one of ours.
        """
        if text is None:
            raise InvalidMessage("expected a text frame, got a binary one")
        try:
            message = parse(text)
        except RecursionError:
            raise InvalidMessage("nested too deeply") from None
        except ValueError as problem:  # msgspec's own errors, numbers too long, lone surrogates
            raise InvalidMessage(QUOTED.sub("", str(problem))) from None
        for field in message.__struct_fields__:
            value = getattr(message, field)
            if isinstance(value, str) and ("\0" in value or not value.strip()):
                raise InvalidMessage(f"blank, or a NUL character in it - at `$.{field}`")
        return message

    return decode


def encode(message: Struct) -> str:
    """The frame of a message: encoded once, however many receive it."""
    return json.encode(message).decode()


Incoming = Authenticate | Ping  # what any socket takes
Outgoing = Authenticated | Pong | Error | Closing  # what any socket may give
decode = decoder(Incoming)
