"""One badly named group message must not close every member's socket."""

import logging
from functools import cache
from inspect import iscoroutinefunction, signature

from channels.consumer import get_handler_name

logger = logging.getLogger(__name__)


# --8<-- [start:guard]
class IgnoreUnknownTypes:
    """Log a message nobody handles, and live on. Without this, Channels raises in each member."""

    async def dispatch(self, message):
        try:
            handled = is_handler(type(self), get_handler_name(message))
        except (ValueError, AttributeError):  # no type, no string, or one like "_private"
            handled = False
        if handled:
            await super().dispatch(message)
        else:
            logger.error("%s has no handler for %r", type(self).__name__, message.get("type"))


@cache
def is_handler(consumer: type, name: str) -> bool:
    """Whether that is an `async def name(self, event)`: other attributes have names as well.

    Channels' own, websocket_receive and the like, call what they get a `message`.
    """
    method = getattr(consumer, name, None)
    argument = "message" if name.startswith("websocket_") else "event"
    return iscoroutinefunction(method) and [*signature(method).parameters] == ["self", argument]


# --8<-- [end:guard]
