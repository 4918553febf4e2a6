"""Two people, and nobody else: who may, who spoke and to whom is never the client's to say."""

from channels.db import database_sync_to_async as in_thread

from accounts.consumers import PersonConsumer
from conversations import messages as wire
from conversations import services
from conversations.groups import conversation_group
from conversations.models import Conversation, Message
from frames.consumers import Refused

NOT_YOURS = "this is no conversation of yours"


class ConversationConsumer(PersonConsumer):
    """A participant's connection, at /ws/conversations/<id>/?after=….

    Receives and sends what messages.py lists. Without `after`, the first frame is the newest
    history; with it, all that came after that number. Closes with 4403 (no conversation of
    yours: not there, or others'), 4400 (`after` not valid) and as every PersonConsumer.
    """

    decode = staticmethod(wire.decode)
    conversation_id = None
    last = 0  # the number of the newest message this client got

    # --8<-- [start:permit]
    async def permit(self) -> None:
        """Only the two: asked before anything else, and again at every recheck."""
        asked = self.scope["url_route"]["kwargs"]["conversation_id"]
        try:
            self.conversation_id = (await in_thread(services.find)(self.user, asked)).pk
        except Conversation.DoesNotExist:
            raise Refused(4403, NOT_YOURS) from None

    # --8<-- [end:permit]

    async def dispatch(self, message):
        try:
            await super().dispatch(message)
        except Conversation.DoesNotExist:  # the other one was deleted, and this with them
            await self.refuse(4403, NOT_YOURS)

    async def enter(self) -> None:
        after = self.number_from_query("after")
        # Subscribe first, then read: what is sent between the two waits in the queue.
        group = conversation_group(self.conversation_id)
        await self.channel_layer.group_add(group, self.channel_name)
        conversation, page = await self.page(after=after)
        self.last = page[-1].number if page else after or 0
        await self.reply(wire.history_of(self.user, conversation, page))
        await self.catch_up()

    # --8<-- [start:handle]
    async def handle(self, message) -> None:
        match message:
            case wire.SendMessage():
                await self.say(message.message, message.client_id)
            case wire.MarkRead():
                await self.mark_read(message.up_to)
            case wire.AskHistory():
                before = min(message.before, self.last + 1)  # what is newer comes by itself
                found = await self.page(before=before)
                await self.reply(wire.history_of(self.user, *found))

    async def say(self, text: str, client_id: str | None) -> None:
        """Store and commit, then broadcast. The sender is the user of the scope."""
        store = in_thread(services.store)
        message = await store(self.conversation_id, self.user, text, client_id)
        frame = wire.encode(wire.frame_of(message))  # once, however many tabs receive it
        await self.broadcast({"type": "stored", "number": message.number, "text": frame})
        await self.reply(wire.Ack(client_id, message.number))

    async def mark_read(self, up_to: int) -> None:
        up_to = await in_thread(services.mark_read)(self.conversation_id, self.user, up_to)
        if up_to is not None:
            frame = wire.encode(wire.Read(self.user.username, up_to))
            await self.broadcast({"type": "pass_on", "text": frame})

    async def broadcast(self, news: dict) -> None:
        await self.channel_layer.group_send(conversation_group(self.conversation_id), news)

    # --8<-- [end:handle]

    # --8<-- [start:stream]
    async def stored(self, event):
        """Group message: pass a stored message on, in order and once."""
        if event["number"] == self.last + 1:
            self.last += 1
            await self.send(event["text"])
        elif event["number"] > self.last:  # one before it was lost, or overtaken
            await self.catch_up()

    async def pass_on(self, event):
        """Group message: a read receipt. One that is lost comes with the next history."""
        await self.send(event["text"])

    async def catch_up(self) -> None:
        """Send, page by page, what was stored after the last message this client got."""
        while (found := await self.page(after=self.last))[1]:
            await super().look_again()  # this may take long, and a right end meanwhile
            self.last = found[1][-1].number
            await self.reply(wire.history_of(self.user, *found))

    async def page(self, **which) -> tuple[Conversation, list[Message]]:
        return await in_thread(services.page)(self.user, self.conversation_id, **which)

    async def look_again(self) -> None:
        """Fetch as well what the layer lost: whoever calls this has the turn."""
        await super().look_again()
        if self.watcher:  # at the beginning, enter() fetches all there is
            await self.catch_up()

    # --8<-- [end:stream]

    async def leave(self) -> None:
        if self.conversation_id is not None:
            group = conversation_group(self.conversation_id)
            await self.channel_layer.group_discard(group, self.channel_name)
