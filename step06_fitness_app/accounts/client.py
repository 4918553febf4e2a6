"""A program's way in, as somebody: a log-in and a token of its own, and sockets over the network.

What the server's own programs use (replay, demo), and a client elsewhere can be written after.
"""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from random import uniform

from django.conf import settings
from django.contrib.auth.models import User
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from accounts import services
from accounts.api import ObtainSerializer

AWAY = (OSError, WebSocketException)  # there is no server at that address, or not now
LATER = {4012, 4013, 4429}  # refused, but not for good
EACH = 100  # frames, after which a client of a fast stream says so


class Refused(Exception):
    """The server will not have us; the text says why."""


class Socket:
    """Frames as dictionaries, over one connection, which is one that says what it has `seen`."""

    def __init__(self, connection, says_seen=False):
        self.connection, self.says_seen, self.heard = connection, says_seen, 0

    async def say(self, type: str, **fields) -> None:
        await self.connection.send(json.dumps({"type": type, **fields}))

    async def hear(self) -> dict:
        """The next frame. Raises Refused where the server closes for good, else one of AWAY."""
        frame = json.loads(await self.connection.recv())
        if frame["type"] == "closing":
            raise (ConnectionError if frame["code"] in LATER else Refused)(frame["reason"])
        self.heard += 1
        if self.says_seen and self.heard % EACH == 0:
            await self.say("seen", frames=EACH)
        return frame


# --8<-- [start:session]
class Session:
    """One log-in of somebody at one server. Made and closed in a thread: it asks the database."""

    def __init__(self, user: User, url: str):
        self.user, self.url = user, url.rstrip("/")
        self.token = ObtainSerializer.get_token(user)

    def close(self) -> None:
        services.end(self.token["sid"])

    def access(self) -> str:
        token = self.token.access_token
        token.set_exp()  # from now on; it would be from when we logged in
        return str(token)

    @asynccontextmanager
    async def connect(self, path: str, says_seen=False):
        """A socket, whose token is renewed while it is open. Raises one of AWAY."""
        names = ["pulse.v1", f"bearer.{self.access()}"]
        address = self.url.replace("http", "ws", 1) + path
        async with connect(address, subprotocols=names, origin=self.url, proxy=None) as connection:
            socket = Socket(connection, says_seen)
            renewing = asyncio.create_task(self.renew(socket))
            try:
                yield socket
            finally:
                renewing.cancel()

    async def renew(self, socket: Socket) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(settings.ACCESS_TOKEN_SECONDS / 2)
                await socket.say("authenticate", token=self.access())


# --8<-- [end:session]


async def pause_before(attempt: int) -> None:
    """Wait before a further attempt, longer each time, and never all clients at once."""
    await asyncio.sleep(uniform(0.1, min(2**attempt, 15)))
