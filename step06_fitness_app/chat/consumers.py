"""Two people, and nobody else: who may, who spoke and to whom is never the client's to say."""

from channels.db import database_sync_to_async as in_thread

from chat import messages as wire
from chat import services
from realtime import groups
from realtime.batch import Batch
from realtime.consumers import PersonConsumer
from realtime.messages import Ack
from realtime.numbered import NumberedMixin
from realtime.publish import publish

store = Batch(lambda said: services.store_all(said))


class ChatConsumer(NumberedMixin, PersonConsumer):
    """A participant's connection, at /ws/chat/<conversation id>/?after=….

    Receives and sends what messages.py lists. Without `after`, the first frame is the newest
    history; with it, all that came after that number. Closes with 4403 (no conversation of
    yours: not there, others', or one of you has blocked the other), 4400 (`after` not valid) and
    as every PersonConsumer. Who may no longer talk can read.
    """

    messages = wire
    gone = "this is no conversation of yours"  # never was; or blocked, or deleted

    def permit(self):
        """Only the two, without a block: asked before anything else, and at every recheck."""
        asked = self.scope["url_route"]["kwargs"]["conversation_id"]
        self.conversation = services.find(self.user, asked)
        self.group = groups.conversation(self.conversation.pk)

    async def enter(self):
        await self.join(groups.typing(self.conversation.pk, self.user.pk))
        await self.begin(self.group)

    # --8<-- [start:handle]
    async def handle(self, message):
        match message:
            case wire.SendMessage():
                await self.say(message.message, message.client_id)
            case wire.SendTyping():
                await self.type(message.is_typing)
            case wire.MarkRead():
                await self.mark_read(message.up_to)
            case wire.AskHistory():
                await self.send_older(message.before)

    async def say(self, text: str, client_id: str | None) -> None:
        """Store and commit, then publish: what one saw, both can read again."""
        message = await store(self.conversation.pk, self.user, text, client_id)
        await publish(self.group, wire.frame_of(message), message.number)
        await self.reply(Ack(client_id, message.number))

    # --8<-- [end:handle]

    async def type(self, is_typing: bool) -> None:
        """To the other only. It may be lost, and asks no database: a recheck tells of changes."""
        if self.conversation.is_linked:
            other = self.conversation.other(self.user)
            group = groups.typing(self.conversation.pk, other.pk)
            await publish(group, wire.Typing(self.user.username, is_typing))

    async def mark_read(self, up_to: int) -> None:
        moved = await in_thread(services.mark_read)(self.conversation.pk, self.user, up_to)
        if moved is not None:
            await publish(self.group, wire.Read(self.user.username, moved))

    # --8<-- [start:stream]
    def read(self, **which):
        self.conversation, page = services.page(self.user, self.conversation.pk, **which)
        return page

    async def send_page(self, page):
        await self.reply(wire.history_of(self.user, self.conversation, page))

    # --8<-- [end:stream]
