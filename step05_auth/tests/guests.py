"""People in a room: guests with a name, a browser's cookie, and frames to send and to expect."""

import asyncio
import json
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlencode

from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings

from config.asgi import application as configured
from tests.sockets import SECONDS, Closed, Direct


class Guest(Direct):
    """One socket of somebody in a room. `first` is its first frame, `name` what that says."""

    first: dict
    name: str

    async def say(self, type: str = "chat_message", **fields) -> None:
        await self.send(json.dumps({"type": type, **fields}))

    async def hear(self) -> dict:
        return json.loads(await self.receive())

    async def until(self, type: str, **fields) -> list[dict]:
        """All frames up to one of this type with these fields, which is the last."""
        frames = []
        async with asyncio.timeout(SECONDS):
            while True:
                frames.append(await self.hear())
                if {"type": type, **fields}.items() <= frames[-1].items():
                    return frames

    async def get(self, type: str, **fields) -> dict:
        """The next frame of this type; others before it are passed over."""
        return (await self.until(type, **fields))[-1]

    async def said(self, message: str, **fields) -> int:
        """Say something; the number it got once it is stored."""
        await self.say(message=message, **fields)
        return (await self.get("ack", client_id=fields.get("client_id")))["number"]

    async def ended(self) -> None:
        """Wait for the application's end; raises what it raised."""
        await asyncio.wait_for(self.communicator.future, SECONDS)


@asynccontextmanager
async def knock(room: str, browser: str = "", application=configured, **query):
    """A connection that is open, whatever the room makes of it."""
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser}".encode()
    communicator = WebsocketCommunicator(
        application,
        f"/ws/chat/{room}/?{urlencode(query)}",
        headers=[(b"cookie", cookie)] if browser else [],
    )
    accepted, _ = await communicator.connect(SECONDS)
    assert accepted
    yield Guest(communicator, None)
    await communicator.disconnect(1000, SECONDS)


@asynccontextmanager
async def enter(room: str = "lobby", name: str | None = None, browser: str = "", **options):
    """A guest who is in the room: the first frame and the list of who is here are read."""
    asked = {"name": name} if name else {}
    async with knock(room, browser, **asked, **options) as guest:
        guest.first = await guest.hear()
        assert guest.first["type"] == "chat_history", guest.first
        guest.name = guest.first["username"]
        guest.online = (await guest.get("online"))["usernames"]
        yield guest


async def refused(room: str = "lobby", browser: str = "", **query) -> tuple[int, str]:
    """The code and the reason with which the room closes."""
    async with knock(room, browser, **query) as guest:
        closing = await guest.hear()
        assert closing["type"] == "closing"
        try:
            frame = await guest.hear()
        except Closed as closed:
            assert closed.code == closing["code"]
            return closed.code, closing["reason"]
        raise AssertionError(f"not closed, but {frame}")


@contextmanager
def losing_broadcasts():
    """While this lasts, the layer takes what it is given for a group and delivers nothing."""
    layer = get_channel_layer()
    group_send = layer.group_send

    async def lose(group: str, message: dict) -> None:
        pass

    layer.group_send = lose
    try:
        yield
    finally:
        layer.group_send = group_send
