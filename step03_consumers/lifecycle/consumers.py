"""A connection's whole life, and a second connection to see its end from."""

from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from echo.messages import InvalidMessage, encode, error
from lifecycle.messages import closing, command

SUBPROTOCOLS = ("echo.v1", "echo.v2")  # they speak alike; the lesson is the choice


class Lifecycle(AsyncWebsocketConsumer):
    """Live and die as the client asks, at /ws/lifecycle/.

    Query string: `refuse=before` or `refuse=after` accepting, `watch=<name>` (see Watch).
    Text comes back as an `echo` frame with the count of this connection, bytes come back after
    such a frame. Two texts are commands: {"type": "close", "code": 4001, "reason": "…"} and
    {"type": "raise"}. A bad command gets an `error` frame.
    Closes with 4403 (refused after accepting), or with what a `close` command says.
    """

    # --8<-- [start:whole]
    async def __call__(self, scope, receive, send):
        """Live from the scope to the last event: one call, one connection."""
        self.disconnect_code = "not called"
        try:
            await super().__call__(scope, receive, send)
        finally:
            await Watch.tell(self.query("watch"), disconnect=self.disconnect_code)

    # --8<-- [end:whole]

    # --8<-- [start:connect]
    async def connect(self):
        self.count = 0
        offered = self.scope["subprotocols"]
        chosen = next((name for name in offered if name in SUBPROTOCOLS), None)
        if self.query("refuse") == "before":
            await self.close(4403)  # nobody sees this code: it is a bare HTTP 403
            return
        await self.accept(chosen)
        if self.query("refuse") == "after":
            await self.say_and_close(4403, "not for you")

    # --8<-- [end:connect]

    # --8<-- [start:receive]
    async def receive(self, text_data=None, bytes_data=None):
        self.count += 1
        if bytes_data is not None:
            await self.say(type="echo", count=self.count, bytes=len(bytes_data))
            await self.send(bytes_data=bytes_data)
        elif asked := command(text_data):
            await self.obey(asked)
        else:
            await self.say(type="echo", count=self.count, text=text_data)

    # --8<-- [end:receive]

    async def obey(self, asked: dict) -> None:
        """Carry out a command."""
        if asked["type"] == "raise":
            raise RuntimeError("raised because the client asked for it")
        try:
            await self.say_and_close(*closing(asked))
        except InvalidMessage as problem:
            await self.send(encode(error(str(problem))))

    async def say(self, **message) -> None:
        await self.send(encode(message))

    async def say_and_close(self, code: int, reason: str) -> None:
        """Close, and say why in a frame before it: Daphne drops the reason of a close."""
        await self.say(type="closing", code=code, reason=reason)
        await self.close(code, reason)

    # --8<-- [start:disconnect]
    async def disconnect(self, code):
        self.disconnect_code = code

    # --8<-- [end:disconnect]

    def query(self, name: str) -> str:
        """The first value of a field of the query string."""
        return parse_qs(self.scope["query_string"].decode("latin-1")).get(name, [""])[0]


# --8<-- [start:watch]
class Watch(AsyncWebsocketConsumer):
    """Tell at /ws/lifecycle/watch/<name>/ how the connection `?watch=<name>` ended.

    Sends {"type": "ended", "disconnect": code or "not called"}: the other
    connection cannot be told that any more. It is found within one process
    only; step 04 does without that limit.
    """

    watching: dict[str, "Watch"] = {}

    async def connect(self):
        self.name = self.scope["url_route"]["kwargs"]["name"]
        self.watching[self.name] = self
        await self.accept()

    @classmethod
    async def tell(cls, name: str, **ending) -> None:
        if watch := cls.watching.get(name):
            await watch.send(encode({"type": "ended", **ending}))

    async def disconnect(self, code):
        if self.watching.get(self.name) is self:
            del self.watching[self.name]


# --8<-- [end:watch]
