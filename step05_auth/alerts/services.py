"""What sends an alert, without sockets. Whoever calls it has checked that `by` may."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from alerts.groups import PREFIX
from alerts.messages import Alert, encode

MAX_LENGTH = 500  # characters


def check_text(text: str) -> None:
    """Raises ValidationError for what no alert can be."""
    if not text.strip() or len(text) > MAX_LENGTH:
        raise ValidationError(f"An alert has 1 to {MAX_LENGTH} characters.")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValidationError("An alert has no NUL and no lone surrogate in it.")


# --8<-- [start:announce]
async def aannounce(group: str, text: str, by: User) -> None:
    """Send an alert from user `by` to a group of groups.py.

    Nothing is stored: who is not connected, or does not hear that group now, never gets it.
    """
    check_text(text)
    alert = Alert(text, group.removeprefix(PREFIX), by.get_username(), timezone.now())
    event = {"type": "alert", "group": group, "text": encode(alert)}  # once, for all who hear it
    await get_channel_layer().group_send(group, event)


def announce(group: str, text: str, by: User) -> None:
    """The same from sync code. Where an event loop runs already, this raises: await the other."""
    async_to_sync(aannounce)(group, text, by)


# --8<-- [end:announce]
