"""A person's feed, live: what friends post, and what is cheered and said there."""

from channels.db import database_sync_to_async as in_thread
from django.core.exceptions import ObjectDoesNotExist

from feed import messages as wire
from feed import services
from realtime import groups
from realtime.consumers import PersonConsumer
from realtime.messages import Error


class FeedConsumer(PersonConsumer):
    """A socket at /ws/social/.

    Receives and sends what messages.py lists; the first frame is the newest page. No path and no
    message says whose feed it is: that says the log-in.
    """

    messages = wire

    def permit(self):
        """Everybody has a feed; asked at every recheck is, of whom."""
        self.blocked = services.blocked_for(self.user)
        self.authors = services.authors_for(self.user) - self.blocked

    async def enter(self):
        """Join first, then read: what is posted between the two comes twice, and is not missed."""
        await self.follow(set())
        self.last = await in_thread(services.last_number)()
        await self.send_page()

    # --8<-- [start:follow]
    async def follow(self, before: set[int]) -> None:
        """One group for each author, instead of one message for each friend."""
        for user_id in before - self.authors:
            await self.quit(groups.feed(user_id))
        for user_id in self.authors - before:
            await self.join(groups.feed(user_id))

    # --8<-- [end:follow]

    # --8<-- [start:handle]
    async def handle(self, message):
        match message:
            case wire.AskHistory(before):
                return await self.send_page(before)
            case wire.SendPost(text, client_id, workout_id):
                work = services.post, text, client_id, workout_id
            case wire.SendCheer(post_id, is_on):
                work = services.cheer, post_id, is_on
            case wire.SendComment(post_id, text, client_id):
                work = services.comment, post_id, text, client_id
        service, *details = work
        try:
            answer, event = await in_thread(service)(self.user, *details)
        except ObjectDoesNotExist:
            what = "finished workout of yours" if service is services.post else "post for you"
            return await self.reply(Error("not_found", f"there is no such {what}"))
        await self.reply(answer)  # it is committed, whoever hears of it
        await services.tell(event)

    async def send_page(self, before: int | None = None) -> None:
        await self.reply(await in_thread(services.page)(self.user, before))

    # --8<-- [end:handle]

    # --8<-- [start:told]
    async def told(self, event) -> None:
        """Group message: a frame, for who may still see its author and who made it."""
        if event["author"] in self.authors and event["by"] not in self.blocked:
            is_own = event["author"] == self.user.pk
            await self.send(event.get("own", event["text"]) if is_own else event["text"])

    async def look_again(self):
        """Others may be friends now, or none; and what the layer lost is sent after all."""
        authors, blocked = self.authors, self.blocked
        await super().look_again()
        if (authors, blocked) != (self.authors, self.blocked):
            await self.follow(authors)
            await self.send_page()
        newest = await in_thread(services.last_number)()
        while posts := await in_thread(services.since)(self.user, self.last):
            self.last = posts[-1].number
            await self.reply(wire.FeedChanged(posts))
        self.last = max(self.last, newest)  # what is others' need not be looked through again

    # --8<-- [end:told]
