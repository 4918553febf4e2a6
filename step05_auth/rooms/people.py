"""The people's side of a room: joined and left, typing, private messages."""

import asyncio
import logging
from contextlib import suppress

from channels.db import database_sync_to_async as in_thread
from channels.exceptions import ChannelFull
from django.conf import settings
from django.utils import timezone

from rooms import messages as wire
from rooms import presence
from rooms.groups import room_group
from rooms.presence import channels_of

logger = logging.getLogger(__name__)


class PeopleMixin:
    """Let the people of a room know of each other."""

    is_here = False
    heartbeat = None
    online: list[str] | None = None  # what the browser was told last, unless news came since

    # --8<-- [start:join]
    @property
    def username(self) -> str:
        """The name of the scope's user, which may change while they are here."""
        return self.user.username

    async def join(self) -> None:
        """Be seen in the room."""
        self.is_here = True
        self.is_first = await in_thread(presence.join)(
            self.room_id, self.user.pk, self.channel_name
        )

    # --8<-- [end:join]

    async def arrived(self) -> None:
        """Tell them who is here, and the others of who came; begin to beat.

        Read after subscribing, like the history: who comes in between is in the list or told.
        """
        self.online = await in_thread(presence.usernames)(self.room_id)
        await self.reply(wire.Online(self.online))
        if self.is_first:
            joined = wire.UserJoined(self.username, len(self.online))
            await self.tell_others(joined, "came_or_went")
        self.heartbeat = asyncio.create_task(self.beat_forever())

    async def leave(self) -> None:
        """Remove this connection; if it was the person's last one, tell the others."""
        if not self.is_here:
            return  # never came in
        if self.heartbeat:
            self.heartbeat.cancel()
        await self.channel_layer.group_discard(room_group(self.room_id), self.channel_name)
        was_last = await in_thread(presence.leave)(self.room_id, self.user.pk, self.channel_name)
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
        channels = await in_thread(channels_of)(self.room_id, user__username=message.to)
        if not channels:
            await self.reply(wire.Error("not_here", f"{message.to} is not in this room"))
            return
        channels += await in_thread(channels_of)(self.room_id, user_id=self.user.pk)
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
