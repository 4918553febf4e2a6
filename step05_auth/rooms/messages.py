"""What travels on /ws/chat/<slug>/: each message is a struct, told apart by its `type`."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from accounts.messages import Authenticate
from frames.messages import Closing, Error, InvalidMessage, decoder, encode  # noqa: F401

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Name = Annotated[str, Meta(min_length=1, max_length=150)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


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


Incoming = SendMessage | SendPrivate | SendTyping | AskHistory | Authenticate
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


# --8<-- [end:out]

decode = decoder(Incoming)
