"""The alerts with and without their guard, and a socket that sends whatever it is told to."""

import json

import config.asgi  # noqa: F401  loads the apps

# isort: split
from channels.consumer import AsyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from alerts.consumers import AlertConsumer


class Unguarded(AlertConsumer):
    """What Channels does by itself with a group message that nobody handles."""

    dispatch = AsyncConsumer.dispatch


class Sender(AsyncWebsocketConsumer):
    """Send each frame to everyone's group, as it is."""

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send("everyone", json.loads(text_data))


application = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("ws/guarded/", AlertConsumer.as_asgi()),
                path("ws/unguarded/", Unguarded.as_asgi()),
                path("ws/send/", Sender.as_asgi()),
            ]
        )
    }
)
