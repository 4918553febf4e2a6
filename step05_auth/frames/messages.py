"""How a message travels: a struct, told apart by its `type`, as a text frame of JSON."""

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct, json


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


# --8<-- [start:decode]
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


# --8<-- [end:decode]


def encode(message: Struct) -> str:
    """The frame of a message: encoded once, however many receive it."""
    return json.encode(message).decode()
