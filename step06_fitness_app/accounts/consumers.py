"""Who is there: the smallest consumer, and the first to try."""

from accounts import messages as wire
from realtime.consumers import PersonConsumer


class WhoamiConsumer(PersonConsumer):
    """Say who is there, and how they proved it, at /ws/whoami/."""

    messages = wire

    async def enter(self):
        via = self.scope["credential"].via
        await self.reply(wire.Whoami(self.user.pk, self.user.username, via))
