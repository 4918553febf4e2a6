"""What travels on /ws/chat/<conversation id>/."""

from datetime import datetime

from django.contrib.auth.models import User
from msgspec import Struct

from chat.models import Conversation, Message
from realtime import messages as realtime
from realtime.messages import Ack, AskHistory, ClientId, Number, Text, decoder


class SendMessage(Struct, tag_field="type", tag="chat_message"):
    """Say something to the other one."""

    message: Text
    client_id: ClientId | None = None


class SendTyping(Struct, tag_field="type", tag="typing"):
    """Begin or end typing."""

    is_typing: bool


class MarkRead(Struct, tag_field="type", tag="read"):
    """I have read all messages up to this number."""

    up_to: Number


Incoming = realtime.Incoming | SendMessage | SendTyping | AskHistory | MarkRead
decode = decoder(Incoming)


class ChatMessage(Struct, tag_field="type", tag="chat_message"):
    """A stored message. `number` counts 1, 2, 3 … in the conversation."""

    number: int
    message: str
    username: str
    timestamp: datetime
    client_id: str | None = None


class ChatHistory(Struct, tag_field="type", tag="chat_history"):
    """Stored messages, oldest first. `username` is who you are; `read` is who read how far."""

    messages: list[ChatMessage]
    username: str
    read: dict[str, int]


class Read(Struct, tag_field="type", tag="read"):
    """One of the two has read up to this number. It never goes back: of two, keep the higher."""

    username: str
    up_to: int


class Typing(Struct, tag_field="type", tag="typing"):
    """Somebody began or ended typing. May be lost: expire it by time."""

    username: str
    is_typing: bool


Outgoing = ChatHistory | ChatMessage | Ack | Read | Typing | realtime.Outgoing


def frame_of(message: Message) -> ChatMessage:
    """A stored message as it travels."""
    return ChatMessage(
        message.number, message.text, message.sender.username, message.sent_at, message.client_id
    )


def history_of(user: User, conversation: Conversation, page: list[Message]) -> ChatHistory:
    """A page of messages as it travels."""
    return ChatHistory([*map(frame_of, page)], user.username, conversation.positions())
