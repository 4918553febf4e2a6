"""The base of every consumer here: one person's connection, that does not outlive their right."""

import asyncio
import logging
from contextlib import AsyncExitStack

from channels.consumer import get_handler_name
from channels.db import database_sync_to_async as in_thread
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from msgspec import Struct

from realtime import groups, limits, metrics
from realtime import messages as wire
from realtime.batch import Batch
from realtime.handlers import is_handler
from realtime.hub import HubMixin
from realtime.refusals import Conflict, NotAllowed
from realtime.rights import ENDS, Refused, RightMixin
from realtime.subprotocol import chosen

logger = logging.getLogger(__name__)

BAD_MESSAGES, IN_SECONDS = 20, 10  # so many within so long, and the connection ends


def give_slots_back(ended: list[tuple["PersonConsumer"]]) -> list[None]:
    """In the thread of come_in, and so after it, were a connection cut off during it."""
    limits.free_slots([consumer.slot for (consumer,) in ended if consumer.slot])
    return [None] * len(ended)


free_slot = Batch(give_slots_back)  # when many leave at once, one question for all


class PersonConsumer(HubMixin, RightMixin, AsyncWebsocketConsumer):
    """Answer one person, for as long as they may be here.

    A subclass says what its `messages` are (a module with `decode`), who may be here (`permit`),
    and what happens at the beginning, at each message and at the end (`enter`, `handle`, `leave`).
    Any of them may raise Refused. What is published to a group it joined arrives in `frame`.
    """

    messages = wire
    rate = None  # messages a second and at once, where it is not the settings'
    user = slot = watcher = None
    is_in = False  # entered, or about to
    is_out = False  # refused, or put out

    def permit(self) -> None:
        """Raise NotAllowed or ObjectDoesNotExist if they may not be here. In a thread, often."""

    async def enter(self) -> None:
        """Join groups, send the first frames."""

    async def handle(self, message) -> None:
        """One message of `decode`, within the limits."""

    async def leave(self) -> None:
        """The connection is over, however it ended. Not called for who never got to `enter`."""

    # --8<-- [start:life]
    async def __call__(self, scope, receive, send):
        """One call is one connection: whatever ends it, a crash too, it gives back what it took."""
        self.joined, self.name = set(), type(self).__name__
        self.turn = asyncio.Lock()  # a handler and the watcher never run side by side
        with metrics.CONNECTIONS.labels(self.name).track_inprogress():
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self.give_back()

    async def give_back(self) -> None:
        """One part may fail, with a layer that is away, say: the others are done all the same."""
        if self.watcher:
            self.watcher.cancel()
        async with AsyncExitStack() as last:
            last.push_async_callback(free_slot, self)
            for group in self.joined:
                last.push_async_callback(self.channel_layer.group_discard, group, self.channel_name)
            if self.is_in:
                await self.leave()

    async def connect(self):
        await self.accept(chosen(self.scope))
        rate = self.rate or (settings.MESSAGES_PER_SECOND, settings.MESSAGE_BURST)
        self.bucket = limits.Bucket(*rate)
        self.warnings = limits.Row(settings.TOO_FAST_WARNINGS, seconds=60)
        self.bad_messages = limits.Row(BAD_MESSAGES, IN_SECONDS)
        # Subscribe first, then look: a log-out between the two is seen.
        await self.join(groups.person(self.scope["credential"].user_id))
        await in_thread(self.come_in)()
        self.is_in = True
        await self.enter()
        self.watch()

    async def websocket_disconnect(self, message):
        """As Channels has it, without a turn of the database's thread: give_back makes one."""
        raise StopConsumer

    def come_in(self) -> None:
        """All that needs the database's thread, in one turn of it."""
        self.identify()
        try:
            self.slot = limits.take_slot(self.user.pk)
        except limits.TooMuch as problem:
            raise Refused(4429, str(problem)) from None
        self.admit()

    # --8<-- [end:life]
    # --8<-- [start:dispatch]
    async def dispatch(self, message):
        """Hand an event to its method, as Channels does, but without a turn of the database thread
        before each: what needs the database goes there by itself (in_thread).
        """
        try:
            name = get_handler_name(message)
        except (ValueError, AttributeError):  # no type, no string, or one like "_private"
            name = ""
        if not is_handler(type(self), name):
            return logger.error("%s has no handler for %r", self.name, message.get("type"))
        async with self.turn:
            if self.is_out and message["type"] != "websocket.disconnect":
                return  # the watcher may have put them out while this waited for its turn
            try:
                await getattr(self, name)(message)
            except ENDS as problem:
                await self.put_out(problem)

    # --8<-- [end:dispatch]
    # --8<-- [start:frames]
    async def join(self, group: str) -> None:
        self.joined.add(group)  # first: who is cut off in the middle is taken out again
        await self.channel_layer.group_add(group, self.channel_name)

    async def quit(self, group: str) -> None:
        self.joined.discard(group)
        await self.channel_layer.group_discard(group, self.channel_name)

    async def frame(self, event) -> None:
        """The one group message: a frame, encoded where it was published."""
        if self.takes(event):
            await self.send(event["text"])

    def takes(self, event) -> bool:
        """Take the turn of a frame; False: not now. Without a look at the database."""
        return not self.is_out

    async def reply(self, message: Struct) -> None:
        await self.send(wire.encode(message))

    async def refuse(self, code: int, reason: str) -> None:
        """Say why, then close: a close before accept would reach the browser as a bare 1006."""
        if not self.is_out:
            self.is_out = True
            metrics.REFUSED.labels(self.name, code).inc()
            await self.reply(wire.Closing(code, reason))
            await self.close(code)

    async def receive(self, text_data=None, bytes_data=None):
        metrics.RECEIVED.labels(self.name).inc()
        try:
            if not self.bucket.take():
                raise limits.TooMuch("wait a moment")
            if len(text_data or "") > settings.MAX_MESSAGE_LENGTH:
                raise wire.InvalidMessage(f"longer than {settings.MAX_MESSAGE_LENGTH} characters")
            message = self.messages.decode(text_data)
            if isinstance(message, wire.Ping):
                return await self.reply(wire.Pong())
            if isinstance(message, wire.Authenticate):
                return await self.renew(message.token)
            await self.handle(message)
        except limits.TooMuch as problem:
            await self.reply(wire.Error("too_fast", str(problem)))
            if self.warnings.is_full():
                raise Refused(4429, "too fast; come back in a minute") from None
        except (Conflict, NotAllowed) as problem:
            await self.reply(wire.Error(problem.code, str(problem)))
        except wire.InvalidMessage as problem:
            await self.reply(wire.Error("invalid_message", str(problem)))
            if self.bad_messages.is_full():
                raise Refused(4400, "too many bad messages") from None

    # --8<-- [end:frames]
