"""What travels on /ws/conversations/<id>/: as in a room, and read receipts."""

from django.contrib.auth.models import User
from msgspec import Struct

from accounts.messages import Authenticate
from conversations.models import Conversation, Message
from frames.messages import decoder, encode  # noqa: F401
from rooms.messages import Ack, AskHistory, ChatMessage, Number, SendMessage  # noqa: F401


class MarkRead(Struct, tag_field="type", tag="read"):
    """I have read all messages up to this number."""

    up_to: Number


class Read(Struct, tag_field="type", tag="read"):
    """One of the two has read up to this number. It never goes back: of two, keep the higher."""

    username: str
    up_to: int


class ChatHistory(Struct, tag_field="type", tag="chat_history"):
    """Stored messages, oldest first. `username` is who you are; `read` is who read how far."""

    messages: list[ChatMessage]
    username: str
    read: dict[str, int]


def frame_of(message: Message) -> ChatMessage:
    """A stored message as it travels."""
    return ChatMessage(
        message.number, message.text, message.sender.username, message.sent_at, message.client_id
    )


def history_of(user: User, conversation: Conversation, page: list[Message]) -> ChatHistory:
    """A page of messages as it travels."""
    return ChatHistory([*map(frame_of, page)], user.username, conversation.positions())


decode = decoder(Authenticate | SendMessage | AskHistory | MarkRead)
