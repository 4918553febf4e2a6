"""What is measured: the official tutorial's consumer, a raw ASGI broadcast, and step 06's base.

Each is an ASGI application with one room at /ws/bench/<room>/. A message of a member goes to all.
Run in step 06's folder, with the repository's root in PYTHONPATH.
"""

import json
import os
from uuid import uuid4

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.middleware import BaseMiddleware
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()

# isort: split
# ruff: noqa: E402  the apps are loaded now
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from msgspec import Struct
from rest_framework_simplejwt.tokens import AccessToken

from accounts.middleware import TokenAuthMiddleware
from accounts.origin import SameOriginOnly
from chat.models import Message
from realtime import messages
from realtime.consumers import PersonConsumer
from realtime.publish import publish


# --8<-- [start:tutorial]
class Tutorial(AsyncWebsocketConsumer):
    """As the tutorial of Channels' documentation has it, part 3."""

    async def connect(self):
        self.room_group_name = f"chat_{self.scope['url_route']['kwargs']['room']}"
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        await self.accept()

    async def disconnect(self, close_code):
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)

    async def receive(self, text_data):
        message = json.loads(text_data)["message"]
        event = {"type": "chat.message", "message": message}
        if text_data.startswith('{"type":"echo"'):
            return await self.chat_message(event)
        await self.channel_layer.group_send(self.room_group_name, event)

    async def chat_message(self, event):
        await self.send(text_data=json.dumps({"message": event["message"]}))


# --8<-- [end:tutorial]


class PlainTokenMiddleware(BaseMiddleware):
    """A token, decoded, and its user: as most answers on the web have it."""

    async def __call__(self, scope, receive, send):
        token = scope["subprotocols"][-1].removeprefix("bearer.")
        scope["user"] = await self.user_of(AccessToken(token)["user_id"])
        return await super().__call__(scope, receive, send)

    @database_sync_to_async
    def user_of(self, user_id):
        return User.objects.get(pk=user_id)


class Saving(AsyncWebsocketConsumer):
    """The tutorial's consumer, which stores each message before it sends it on, and says so."""

    async def connect(self):
        self.conversation = int(self.scope["url_route"]["kwargs"]["conversation"])
        await self.channel_layer.group_add(f"chat_{self.conversation}", self.channel_name)
        await self.accept()

    async def disconnect(self, close_code):
        await self.channel_layer.group_discard(f"chat_{self.conversation}", self.channel_name)

    async def receive(self, text_data):
        text = json.loads(text_data)["message"]
        await Message.objects.acreate(
            conversation_id=self.conversation,
            number=uuid4().int >> 66,  # what a message's own number costs, this does without
            sender=self.scope["user"],
            text=text,
        )
        event = {"type": "chat.message", "message": text}
        await self.channel_layer.group_send(f"chat_{self.conversation}", event)
        await self.send(text_data='{"type": "ack"}')

    async def chat_message(self, event):
        await self.send(text_data=json.dumps({"message": event["message"]}))


class Say(Struct, tag_field="type", tag="say"):
    message: str


class Echo(Struct, tag_field="type", tag="echo"):
    message: str


class Wire:
    decode = staticmethod(messages.decoder(Say | Echo))


class Pulse(PersonConsumer):
    """Step 06's base, and nothing else: its rights, its limits, its groups."""

    messages = Wire
    rate = (1e9, 10**9)

    async def enter(self):
        self.room = f"bench.{self.scope['url_route']['kwargs']['room']}"
        await self.join(self.room)

    async def handle(self, message):
        if isinstance(message, Echo):
            return await self.reply(message)
        await publish(self.room, message)


ROOMS: dict[str, set] = {}


async def raw(scope, receive, send):
    """No Channels, no Django, no log-in: the most that this server can do."""
    if scope["type"] != "websocket":
        return await http(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    room = ROOMS.setdefault(scope["path"], set())
    room.add(send)
    while (event := await receive())["type"] == "websocket.receive":
        members = [send] if event["text"].startswith('{"type":"echo"') else list(room)
        for member in members:
            await member({"type": "websocket.send", "text": event["text"]})
    room.discard(send)


def routed(consumer):
    return URLRouter([path("ws/bench/<str:room>/", consumer.as_asgi())])


def application(websocket):
    return ProtocolTypeRouter({"http": http, "websocket": websocket})


tutorial = application(AuthMiddlewareStack(routed(Tutorial)))
plain_token = application(PlainTokenMiddleware(routed(Tutorial)))
chats = URLRouter([path("ws/chat/<str:conversation>/", Saving.as_asgi())])
saving = application(PlainTokenMiddleware(chats))
pulse = application(SameOriginOnly(CookieMiddleware(TokenAuthMiddleware(routed(Pulse)))))
