"""Who is there: the smallest consumer, and the first to try."""

from realtime.consumers import PersonConsumer

from accounts.messages import Whoami


class WhoamiConsumer(PersonConsumer):
    """Say who is there, and how they proved it, at /ws/whoami/."""

    async def enter(self):
        via = self.scope["credential"].via
        await self.reply(Whoami(self.user.pk, self.user.username, via))
