"""A person's bell: what there is to tell them comes in order, and is read in all their tabs."""

from channels.db import database_sync_to_async as in_thread

from notifications import messages as wire
from notifications import services
from realtime import groups
from realtime.consumers import PersonConsumer
from realtime.numbered import NumberedMixin


class NotificationConsumer(NumberedMixin, PersonConsumer):
    """A person's connection to their own, at /ws/notifications/?after=….

    Receives and sends what messages.py lists. Without `after`, the first frame is the newest page;
    with it, all that came after that number. No path and no message names a person: whose they
    are says the log-in.
    """

    messages = wire

    async def enter(self):
        await self.begin(groups.notifications(self.user.pk))

    async def handle(self, message):
        match message:
            case wire.Mark(numbers, is_read):
                await in_thread(services.mark)(self.user.pk, is_read, numbers=numbers)
            case wire.MarkAllRead(up_to):
                await in_thread(services.mark)(self.user.pk, True, up_to=up_to)
            case wire.AskHistory(before):
                await self.send_older(before)

    def read(self, **which):
        return services.page(self.user.pk, **which)

    async def send_page(self, page):
        unread = await in_thread(services.unread)(self.user.pk)
        await self.reply(wire.page_of(page, *unread))
