"""Two ways to one application: events put straight into it, and a real client of a real server."""

import asyncio
import os
from contextlib import asynccontextmanager

import websockets
from channels.testing import WebsocketCommunicator

from config.asgi import application

SECONDS = float(os.environ.get("TEST_SECONDS", 20))  # no test waits longer for a frame


class Closed(Exception):
    """The other side closed; `code` is what the client was told."""

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


class Direct:
    """A client without a server or a network: ASGI events in, ASGI events out."""

    def __init__(self, communicator: WebsocketCommunicator, subprotocol: str | None):
        self.communicator, self.subprotocol = communicator, subprotocol

    async def send(self, data: str | bytes) -> None:
        key = "text" if isinstance(data, str) else "bytes"
        await self.communicator.send_input({"type": "websocket.receive", key: data})

    async def receive(self) -> str | bytes:
        event = await self.communicator.receive_output(SECONDS)
        if event["type"] == "websocket.close":
            raise Closed(event.get("code", 1000))
        return event["text"] if event.get("text") is not None else event["bytes"]


class Real:
    """A client that spoke the handshake with a server and reads frames from the network."""

    def __init__(self, connection: websockets.ClientConnection):
        self.connection, self.subprotocol = connection, connection.subprotocol

    async def send(self, data: str | bytes) -> None:
        await self.connection.send(data)

    async def receive(self) -> str | bytes:
        try:
            return await asyncio.wait_for(self.connection.recv(), SECONDS)
        except websockets.ConnectionClosed:
            raise Closed(self.connection.close_code) from None


@asynccontextmanager
async def direct(path: str, *subprotocols: str):
    """A connection to the application itself; leaving the block disconnects it."""
    communicator = WebsocketCommunicator(application, path, subprotocols=list(subprotocols))
    accepted, chosen = await communicator.connect(SECONDS)
    assert accepted, f"refused: {chosen}"
    yield Direct(communicator, chosen)
    await communicator.disconnect(1000, SECONDS)


@asynccontextmanager
async def real(url: str, *subprotocols: str):
    """A connection to a server; leaving the block closes it."""
    async with websockets.connect(url, subprotocols=list(subprotocols) or None) as connection:
        yield Real(connection)
