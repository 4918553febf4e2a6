"""Which methods of a consumer take the messages of its groups."""

from functools import cache
from inspect import iscoroutinefunction, signature


@cache
def is_handler(consumer: type, name: str) -> bool:
    """Whether that is an `async def name(self, event)`: other attributes have names as well.

    Channels' own, websocket_receive and the like, call what they get a `message`.
    """
    method = getattr(consumer, name, None)
    argument = "message" if name.startswith("websocket_") else "event"
    return iscoroutinefunction(method) and [*signature(method).parameters] == ["self", argument]
