"""One badly named group message must not close every member's socket."""

import logging

from channels.consumer import get_handler_name

logger = logging.getLogger(__name__)


# --8<-- [start:guard]
class IgnoreUnknownTypes:
    """Log a message nobody handles, and live on. Without this, Channels raises in each member."""

    async def dispatch(self, message):
        if hasattr(self, get_handler_name(message)):
            await super().dispatch(message)
        else:
            logger.error("%s has no handler for %r", type(self).__name__, message["type"])


# --8<-- [end:guard]
