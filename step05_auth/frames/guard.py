"""One badly named group message must not close every member's socket."""

import logging

from channels.consumer import get_handler_name

logger = logging.getLogger(__name__)


# --8<-- [start:guard]
class IgnoreUnknownTypes:
    """Log a message nobody handles, and live on. Without this, Channels raises in each member."""

    async def dispatch(self, message):
        try:
            handled = hasattr(self, get_handler_name(message))
        except (ValueError, AttributeError):  # no type, no string, or one like "_private"
            handled = False
        if handled:
            await super().dispatch(message)
        else:
            logger.error("%s has no handler for %r", type(self).__name__, message.get("type"))


# --8<-- [end:guard]
