"""The base of the consumers here: it speaks in structs, and refuses in words."""

from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from msgspec import Struct

from frames.guard import IgnoreUnknownTypes
from frames.messages import Closing, encode


class Refused(Exception):
    """The connection may not go on: the close code, and the reason in words."""

    def __init__(self, code: int, reason: str):
        self.code, self.reason = code, reason


class FrameConsumer(IgnoreUnknownTypes, AsyncWebsocketConsumer):
    """What a consumer of typed messages needs, whatever its messages are."""

    async def reply(self, message: Struct) -> None:
        await self.send(encode(message))

    async def refuse(self, code: int, reason: str) -> None:
        """Say why, then close: a close before accept would reach the browser as a bare 1006."""
        await self.reply(Closing(code, reason))
        await self.close(code)

    def query(self, field: str) -> str | None:
        """The first value of a field of the query string, or None."""
        fields = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return fields.get(field, [None])[0]

    def number_from_query(self, field: str) -> int | None:
        """A field that is a whole number, or None; raises Refused for anything else."""
        value = self.query(field)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise Refused(4400, f"{field} must be a whole number")
        return int(value)
