"""Alerts: a connection hears what its person may hear, and only for as long as they may."""

from channels.db import database_sync_to_async as in_thread

from accounts.consumers import PersonConsumer
from alerts import messages as wire
from alerts.groups import PREFIX, may_hear, person_group


class AlertConsumer(PersonConsumer):
    """A person's connection to the alerts, at /ws/alerts/.

    Receives and sends what messages.py lists. What is sent while a person is away is lost.
    """

    decode = staticmethod(wire.decode)
    joined = frozenset()  # names of groups

    # --8<-- [start:permit]
    async def permit(self):
        """At every recheck: leave what this person may no longer hear."""
        lost = [group for group in self.joined if not await in_thread(may_hear)(self.user, group)]
        for group in lost:
            await self.part(group)
        if lost:
            await self.tell()

    async def enter(self):
        await self.join(person_group(self.user.pk))
        await self.tell()

    async def handle(self, message):
        change = self.join if isinstance(message, wire.Subscribe) else self.part
        if await change(PREFIX + message.group):
            await self.tell()
        else:  # in the same words for a group that does not exist: nobody learns which do
            await self.reply(wire.Error("not_allowed", "there is no such group for you"))

    # --8<-- [end:permit]

    # --8<-- [start:join]
    async def join(self, group: str) -> bool:
        """The one way into a group, and past the one check."""
        if not await in_thread(may_hear)(self.user, group):
            return False
        await self.channel_layer.group_add(group, self.channel_name)
        self.joined |= {group}
        return True

    async def part(self, group: str) -> bool:
        if group not in self.joined:
            return False
        self.joined -= {group}  # first: alert() drops what is on its way already
        await self.channel_layer.group_discard(group, self.channel_name)
        return True

    async def tell(self) -> None:
        await self.reply(wire.Subscribed(sorted(name.removeprefix(PREFIX) for name in self.joined)))

    async def alert(self, event):
        """Group message: pass the frame on as it is."""
        if event["group"] in self.joined:
            await self.send(event["text"])

    # --8<-- [end:join]

    async def leave(self):
        for group in self.joined:
            await self.part(group)
