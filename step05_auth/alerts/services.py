"""What announces, without sockets: called from views, commands, signals and tasks."""

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.core.exceptions import ValidationError
from django.utils import timezone

from alerts.groups import EVERYONE
from alerts.messages import Announcement, encode

MAX_LENGTH = 500  # characters


class NobodyHere(Exception):
    """The layer lives in this process only, and no browser is connected to this process."""

    def __init__(self):
        super().__init__(
            "The channel layer is in-memory: it reaches this process only, and nobody is "
            "connected here. Set REDIS_URL, the same for this process and the server."
        )


def check_text(text: str) -> None:
    """Raises ValidationError for what no announcement can be."""
    if not text.strip() or len(text) > MAX_LENGTH:
        raise ValidationError(f"An announcement has 1 to {MAX_LENGTH} characters.")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValidationError("An announcement has no NUL and no lone surrogate in it.")


# --8<-- [start:announce]
async def aannounce(text: str, level: str = EVERYONE) -> None:
    """Send an announcement to a group of groups.py. Who is not connected does not get it."""
    check_text(text)
    frame = encode(Announcement(text, level, timezone.now()))  # once, however many receive it
    event = {"type": "announcement", "text": frame}
    await get_channel_layer().group_send(level, event)


def announce(text: str, level: str = EVERYONE) -> None:
    """The same from sync code. Where an event loop runs already, this raises: await the other."""
    async_to_sync(aannounce)(text, level)


# --8<-- [end:announce]


# --8<-- [start:require]
def require_shared_layer() -> None:
    """For processes that serve no sockets: refuse, rather than send to nobody."""
    if isinstance(get_channel_layer(), InMemoryChannelLayer):
        raise NobodyHere


# --8<-- [end:require]
