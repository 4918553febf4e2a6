"""The people's side of a room: so far, a name for each connection."""

from channels.db import database_sync_to_async as in_thread

from rooms import messages as wire
from rooms import presence
from rooms.groups import room_group
from rooms.models import Room


class PeopleMixin:
    """Give a room's consumer a `username`. The others are not told of it yet."""

    room_id = username = None

    async def __call__(self, scope, receive, send):
        """One call is one connection: however it ends, by a crash too, its guest leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.room_id is not None:
                await in_thread(presence.leave)(self.channel_name)
                group = room_group(self.room_id)
                await self.channel_layer.group_discard(group, self.channel_name)

    async def join(self, room: Room) -> None:
        """Take the name asked for, or a free one. May raise Refused, which closes."""
        name = self.query("name")
        self.username = await in_thread(presence.join)(room.pk, name, self.channel_name)
        self.room_id = room.pk

    async def arrived(self) -> None:
        """Tell the guest who is here."""
        await self.reply(wire.Online(await in_thread(presence.usernames)(self.room_id)))

    async def receive_from_person(self, message: wire.SendTyping | wire.SendPrivate) -> None:
        """Typing and private messages are still to come."""
        await self.reply(wire.Error("not_yet", f"no handler yet for {type(message).__name__}"))
