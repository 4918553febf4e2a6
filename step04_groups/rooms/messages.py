"""What travels on /ws/chat/<slug>/: each message is a struct, told apart by its `type`."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, json

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Name = Annotated[str, Meta(min_length=1, max_length=30)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class InvalidMessage(Exception):
    """What came in is not one of ours; the text says which field is wrong and why."""


# --8<-- [start:in]
class SendMessage(Struct, tag_field="type", tag="chat_message"):
    """Say something to the room."""

    message: Text
    client_id: ClientId | None = None


class SendPrivate(Struct, tag_field="type", tag="private_message"):
    """Say something to one person who is here."""

    to: Name
    message: Text


class SendTyping(Struct, tag_field="type", tag="typing"):
    """Begin or end typing."""

    is_typing: bool


class AskHistory(Struct, tag_field="type", tag="history"):
    """Ask for the page of messages before this number."""

    before: Number


Incoming = SendMessage | SendPrivate | SendTyping | AskHistory
# --8<-- [end:in]


# --8<-- [start:out]
class ChatMessage(Struct, tag_field="type", tag="chat_message"):
    """A stored message. `number` counts 1, 2, 3 … in the room."""

    number: int
    message: str
    username: str
    timestamp: datetime
    client_id: str | None = None


class ChatHistory(Struct, tag_field="type", tag="chat_history"):
    """Stored messages, oldest first. `username` is who you are here."""

    messages: list[ChatMessage]
    username: str


class Ack(Struct, tag_field="type", tag="ack"):
    """Your message is stored."""

    client_id: str | None
    number: int


class PrivateMessage(Struct, tag_field="type", tag="private_message"):
    """A message for one person. It is not stored: who is not here does not get it."""

    username: str
    to: str
    message: str
    timestamp: datetime


class UserJoined(Struct, tag_field="type", tag="user_joined"):
    """Somebody came. `online` is how many people are here now."""

    username: str
    online: int


class UserLeft(Struct, tag_field="type", tag="user_left"):
    """Somebody's last tab went. `online` is how many people are here now."""

    username: str
    online: int


class Online(Struct, tag_field="type", tag="online"):
    """Who is here."""

    usernames: list[str]


class Typing(Struct, tag_field="type", tag="typing"):
    """Somebody began or ended typing. May be lost: expire it by time."""

    username: str
    is_typing: bool


class Error(Struct, tag_field="type", tag="error"):
    """A message of yours was refused; the connection stays open."""

    code: str
    detail: str


class Closing(Struct, tag_field="type", tag="closing"):
    """Why the server closes: sent first, since Daphne drops a close's reason."""

    code: int
    reason: str


# --8<-- [end:out]

_decoder = json.Decoder(Incoming)


# --8<-- [start:decode]
def decode(text: str | None) -> Incoming:
    """The message in a frame, checked. `text` is None for a binary frame.

    Raises InvalidMessage for whatever is not exactly one of ours.
    """
    if text is None:
        raise InvalidMessage("expected a text frame, got a binary one")
    try:
        message = _decoder.decode(text)
    except RecursionError:
        raise InvalidMessage("nested too deeply") from None
    except ValueError as problem:  # msgspec's own errors, numbers too long, lone surrogates
        raise InvalidMessage(str(problem)) from None
    for field in ("message", "to", "client_id"):
        value = getattr(message, field, None)
        if value is not None and ("\0" in value or not value.strip()):
            raise InvalidMessage(f"blank, or a NUL character in it - at `$.{field}`")
    return message


# --8<-- [end:decode]


def encode(message: Struct) -> str:
    """The frame of a message: encoded once, however many receive it."""
    return json.encode(message).decode()
