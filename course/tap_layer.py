"""What a watched connection says to the channel layer, and what the layer hands to it.

Used by course/tap.py. The layer's methods are wrapped where they are, on the layer itself, and
pass everything on at once unless the connection they are called for is watched.
"""

from collections.abc import Callable
from contextvars import ContextVar

Tell = Callable[[str, str, dict], None]  # side, label, data

# Each connection runs in a context of its own, which its tasks and threads inherit.
watcher: ContextVar[Tell | None] = ContextVar("watcher", default=None)

CALLS = {
    "group_add": ("group", "channel"),
    "group_discard": ("group", "channel"),
    "group_send": ("group", "message"),
    "send": ("channel", "message"),
}


def listen_in(layer) -> None:
    """Wrap the methods that consumers call; once for a layer."""
    for name, fields in CALLS.items():
        setattr(layer, name, calling(name, fields, getattr(layer, name)))
    layer.receive = receiving(layer.receive)


def calling(name: str, fields: tuple[str, str], method):
    async def call(*values, **named):
        tell = watcher.get()
        if tell is None:
            return await method(*values, **named)
        data = dict(zip(fields, values, strict=False)) | named
        tell("layer", called(data), {"call": name, **data})
        # In memory, group_send calls send for each member: that is the layer's own business.
        token = watcher.set(None)
        try:
            return await method(*values, **named)
        finally:
            watcher.reset(token)

    return call


def receiving(method):
    async def receive(channel):
        message = await method(channel)
        if tell := watcher.get():
            tell("server", type_of(message), {"channel": channel, "message": message})
        return message

    return receive


def called(data: dict) -> str:
    """The few characters of a call that stand on the time line: the message's type, the group."""
    parts = [type_of(data["message"]) if "message" in data else None, data.get("group")]
    return " ".join(str(part) for part in parts if part)


def type_of(message: object) -> str:
    return str(message.get("type", "")) if isinstance(message, dict) else ""
