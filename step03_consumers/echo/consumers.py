"""One echo in five kinds of consumer: what comes in goes back, text as text, bytes as bytes."""

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)

from echo.messages import InvalidMessage, decode, encode, error


# --8<-- [start:async_websocket]
class AsyncWebsocketEcho(AsyncWebsocketConsumer):
    """Echo at /ws/echo/async-websocket/: the kind to start with."""

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)


# --8<-- [end:async_websocket]


# --8<-- [start:websocket]
class WebsocketEcho(WebsocketConsumer):
    """Echo at /ws/echo/websocket/: plain functions, run in a thread."""

    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data, bytes_data=bytes_data)


# --8<-- [end:websocket]


# --8<-- [start:async_consumer]
class AsyncEcho(AsyncConsumer):
    """Echo at /ws/echo/async-consumer/: one method for each ASGI event."""

    async def websocket_connect(self, event):
        await self.send({"type": "websocket.accept"})

    async def websocket_receive(self, event):
        if event.get("text") is not None:
            await self.send({"type": "websocket.send", "text": event["text"]})
        else:
            await self.send({"type": "websocket.send", "bytes": event["bytes"]})

    async def websocket_disconnect(self, event):
        raise StopConsumer  # without it, the server has to kill this consumer


# --8<-- [end:async_consumer]


# --8<-- [start:sync_consumer]
class SyncEcho(SyncConsumer):
    """Echo at /ws/echo/sync-consumer/: the same in plain functions."""

    def websocket_connect(self, event):
        self.send({"type": "websocket.accept"})

    def websocket_receive(self, event):
        if event.get("text") is not None:
            self.send({"type": "websocket.send", "text": event["text"]})
        else:
            self.send({"type": "websocket.send", "bytes": event["bytes"]})

    def websocket_disconnect(self, event):
        raise StopConsumer


# --8<-- [end:sync_consumer]


# --8<-- [start:json]
class JsonEcho(AsyncJsonWebsocketConsumer):
    """Echo JSON objects at /ws/echo/json/; the rest gets an `error` frame."""

    async def receive(self, text_data=None, bytes_data=None):
        try:
            await self.receive_json(await self.decode_json(text_data))
        except InvalidMessage as problem:
            await self.send_json(error(str(problem)))

    async def receive_json(self, content):
        await self.send_json(content)

    @classmethod
    async def decode_json(cls, text_data):
        return decode(text_data)

    @classmethod
    async def encode_json(cls, content):
        return encode(content)


# --8<-- [end:json]
