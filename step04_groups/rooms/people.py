"""The people's side of a room: names, joined and left, typing, private messages."""

import asyncio
import hashlib
import logging
from contextlib import suppress

from channels.db import database_sync_to_async as in_thread
from channels.exceptions import ChannelFull
from django.conf import settings
from django.utils import timezone

from frames.consumers import Refused
from rooms import messages as wire
from rooms import presence
from rooms.groups import room_group
from rooms.models import Room

logger = logging.getLogger(__name__)


class PeopleMixin:
    """Give a room's consumer a `username`, and let the others know of it."""

    room_id = username = None
    heartbeat = None
    online: list[str] | None = None  # what the browser was told last, unless news came since

    # --8<-- [start:whole]
    async def __call__(self, scope, receive, send):
        """One call is one connection: however it ends, by a crash too, its guest leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.room_id is not None:
                await self.leave()

    # --8<-- [end:whole]

    # --8<-- [start:join]
    async def join(self, room: Room) -> None:
        """Take the name asked for, or a free one. Raises Refused."""
        # The browser's session tells two tabs of one guest from two guests; without one, each
        # connection is a guest of its own. Anybody may give any free name: this is no security.
        key = self.scope["session"].session_key or self.channel_name
        guest = hashlib.sha256(key.encode()).hexdigest()
        name = self.query("name")
        try:
            arrival = await in_thread(presence.join)(room.pk, guest, name, self.channel_name)
        except presence.InvalidName as problem:
            raise Refused(4400, str(problem)) from None
        except presence.NameTaken as problem:
            raise Refused(4409, str(problem)) from None
        self.room_id, self.username, self.is_first = room.pk, arrival.username, arrival.is_first

    # --8<-- [end:join]

    async def arrived(self) -> None:
        """Tell the guest who is here, and the others of a new guest; begin to beat.

        Read after subscribing, like the history: who comes in between is in the list or told.
        """
        self.online = await in_thread(presence.usernames)(self.room_id)
        await self.reply(wire.Online(self.online))
        if self.is_first:
            joined = wire.UserJoined(self.username, len(self.online))
            await self.tell_others(joined, "came_or_went")
        self.heartbeat = asyncio.create_task(self.beat_forever())

    async def leave(self) -> None:
        """Remove this connection; if it was the guest's last one, tell the others."""
        if self.heartbeat:
            self.heartbeat.cancel()
        was_last = await in_thread(presence.leave)(self.room_id, self.username, self.channel_name)
        await self.channel_layer.group_discard(room_group(self.room_id), self.channel_name)
        if was_last:
            await self.tell_left(self.username)

    # --8<-- [start:beat]
    async def beat_forever(self) -> None:
        """Put a beat among this consumer's events: its handlers never run side by side."""
        while True:
            await asyncio.sleep(settings.HEARTBEAT)
            try:
                await self.channel_layer.send(self.channel_name, {"type": "beat"})
            except Exception:  # the layer is away: it may be back at the next beat
                logger.exception("no beat for %s", self.channel_name)

    async def beat(self, event):
        """Say that this connection lives, tell who is gone, and fetch what the layer lost."""
        try:
            gone = await in_thread(presence.beat)(self.room_id, self.channel_name)
        except presence.Forgotten:
            return await self.refuse(4013, "this server was silent for too long; come again")
        for username in gone:
            await self.tell_left(username)
        online = await in_thread(presence.usernames)(self.room_id)
        if online != self.online:  # a notice may have been lost: here is the whole list
            self.online = online
            await self.reply(wire.Online(online))
        await self.catch_up()

    # --8<-- [end:beat]

    async def catch_up(self) -> None:
        """Nothing here: a consumer whose messages have numbers sends what the layer lost."""

    async def tell_left(self, username: str) -> None:
        online = len(await in_thread(presence.usernames)(self.room_id))
        await self.tell_others(wire.UserLeft(username, online), "came_or_went")

    # --8<-- [start:tell]
    async def receive_from_person(self, message: wire.SendTyping | wire.SendPrivate) -> None:
        """Typing goes to the group, a private message to the channels of one person."""
        if isinstance(message, wire.SendTyping):
            await self.tell_others(wire.Typing(self.username, message.is_typing))
            return
        channels = await in_thread(presence.channels_of)(self.room_id, message.to)
        if not channels:
            await self.reply(wire.Error("not_here", f"{message.to} is not in this room"))
            return
        channels += await in_thread(presence.channels_of)(self.room_id, self.username)
        private = wire.PrivateMessage(self.username, message.to, message.message, timezone.now())
        event = {"type": "pass_on", "text": wire.encode(private), "skip": None}
        for channel_name in set(channels):
            with suppress(ChannelFull):  # not stored: it may be lost
                await self.channel_layer.send(channel_name, event)

    async def tell_others(self, message, type="pass_on") -> None:
        """Broadcast a frame about `message.username` to everybody else. It may be lost."""
        event = {"type": type, "text": wire.encode(message), "skip": message.username}
        await self.channel_layer.group_send(room_group(self.room_id), event)

    async def pass_on(self, event):
        """Group message: a frame for everybody but the one it tells of."""
        if event["skip"] != self.username:
            await self.send(event["text"])

    async def came_or_went(self, event):
        """Group message: the same. The opposite may get lost, so the next beat tells the list."""
        if event["skip"] != self.username:
            self.online = None
        await self.pass_on(event)

    # --8<-- [end:tell]
