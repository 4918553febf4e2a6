"""Consumers with a mistake each, for test_broken.py and the page's "Break it"."""

from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.urls import path


# --8<-- [start:unchecked]
class UncheckedJson(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await self.send_json(content)


# --8<-- [end:unchecked]


# --8<-- [start:text_only]
class TextOnly(AsyncWebsocketConsumer):
    async def receive(self, text_data):
        await self.send(text_data)


# --8<-- [end:text_only]


# --8<-- [start:endless]
class Endless(AsyncConsumer):
    async def websocket_connect(self, event):
        await self.send({"type": "websocket.accept"})

    async def websocket_disconnect(self, event):
        pass


# --8<-- [end:endless]

application = URLRouter(
    [
        path("unchecked/", UncheckedJson.as_asgi()),
        path("text-only/", TextOnly.as_asgi()),
        path("endless/", Endless.as_asgi()),
        path("no-as-asgi/", TextOnly),
    ]
)
