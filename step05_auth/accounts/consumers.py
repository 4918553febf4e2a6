"""The base of every consumer here: one person's connection, that does not outlive their right."""

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime
from time import monotonic, time

from channels.db import database_sync_to_async as in_thread
from django.conf import settings

from accounts import messages as wire
from accounts.credentials import NotAuthenticated, TokenCredential
from accounts.groups import person_group
from accounts.middleware import subprotocol
from frames.consumers import FrameConsumer, Refused
from frames.messages import Error, InvalidMessage
from limits import counter, slots
from limits.bucket import Bucket

logger = logging.getLogger(__name__)

BAD_MESSAGES, IN_SECONDS = 20, 10  # so many within so long, and the connection ends
RENEWALS_PER_MINUTE = 60  # of one person: each asks the database whether the log-in goes on


class PersonConsumer(FrameConsumer):
    """Answer one person, for as long as they may be here.

    A subclass says what its messages are (`decode`), who may be here (`permit`), what happens at
    the beginning, at each message and at the end (`enter`, `handle`, `leave`).

    Closes, each after a `closing` frame, with 4400 (bad messages, again and again), 4401 (no
    longer authenticated), 4403 (not allowed), 4429 (too fast), 4013 (try later), and with what a
    subclass raises as Refused.
    """

    decode = staticmethod(wire.decode)
    slot = watcher = None
    is_out = False  # refused, or put out

    async def permit(self) -> None:
        """May this person be here? Asked at the beginning and at every recheck. Raises Refused."""

    async def enter(self) -> None:
        """Join groups, send the first frames. Raises Refused."""

    async def handle(self, message) -> None:
        """One message of `decode`, within the limits."""

    async def leave(self) -> None:
        """The connection is over, however it ended."""

    @property
    def user(self):
        """Who this is: proved, active, and read again at every recheck."""
        return self.scope["user"]

    # --8<-- [start:life]
    async def __call__(self, scope, receive, send):
        """One call is one connection: whatever ends it, a crash too, it gives back what it took."""
        self.turn = asyncio.Lock()  # a handler and the watcher never run side by side
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.watcher:
                self.watcher.cancel()
            try:
                await self.leave()
            finally:
                await self.give_back()

    async def connect(self):
        await self.accept(subprotocol(self.scope))
        self.person_group = person_group(self.user.pk)
        self.bucket = Bucket(settings.MESSAGES_PER_SECOND, settings.MESSAGE_BURST)
        self.warnings = deque(maxlen=max(1, settings.TOO_FAST_WARNINGS))
        self.bad_messages = deque(maxlen=BAD_MESSAGES)
        await in_thread(self.take_slot)()
        # Subscribe first, then look: a log-out between the two is seen.
        await self.channel_layer.group_add(self.person_group, self.channel_name)
        await self.look_again()
        await self.enter()
        self.watcher = asyncio.create_task(self.watch())

    async def refuse(self, code: int, reason: str) -> None:
        if not self.is_out:
            self.is_out = True
            await super().refuse(code, reason)

    async def dispatch(self, message):
        """A handler may raise Refused. Once somebody is out, nothing of theirs is handled."""
        async with self.turn:
            if self.is_out and message.get("type") != "websocket.disconnect":
                return  # the watcher may have put them out while this waited for its turn
            try:
                await super().dispatch(message)
            except Refused as refusal:
                await self.refuse(refusal.code, refusal.reason)

    # --8<-- [end:life]

    # --8<-- [start:recheck]
    async def look_again(self) -> None:
        """Is the log-in still good, and may they still be here? Raises Refused."""
        try:
            self.scope["user"] = await in_thread(self.scope["credential"].check)()
        except NotAuthenticated as problem:
            raise Refused(4401, str(problem)) from None
        await self.permit()

    async def recheck(self, event=None):
        """Group message, and the watcher's timer: something may have changed."""
        try:
            await self.look_again()
            await in_thread(slots.keep)(self.slot, self.channel_name)
        except Refused as refusal:
            await self.refuse(refusal.code, refusal.reason)
        except Exception:  # the database is away: nobody knows whether they may stay, so they go
            logger.exception("no recheck for %s", self.channel_name)
            await self.refuse(4013, "the server cannot tell who you are; try again later")

    async def watch(self) -> None:
        """Look again every RECHECK_SECONDS, since group messages get lost, and at the expiry."""
        while not self.is_out:
            expires = self.scope["credential"].expires
            left = settings.RECHECK_SECONDS if expires is None else expires - time()
            # At least 0.1: simplejwt's LEEWAY lets a token outlive its expiry.
            await asyncio.sleep(max(0.1, min(left, settings.RECHECK_SECONDS)))
            async with self.turn:
                await self.recheck()

    async def renew(self, raw: str) -> None:
        """Take a fresh token of the same person on the open socket."""
        if not await in_thread(counter.allow)("renewals", self.user.pk, RENEWALS_PER_MINUTE):
            return await self.warn(f"no more than {RENEWALS_PER_MINUTE} renewals a minute")
        try:
            fresh = TokenCredential.read(raw, "message")
            user = await in_thread(fresh.check)()
        except NotAuthenticated as problem:
            return await self.reply(Error("not_authenticated", str(problem)))
        if user != self.user:
            raise Refused(4403, "that token is somebody else's")
        self.scope["credential"] = fresh
        self.watcher.cancel()
        await self.recheck()  # else who renews again and again would never be asked
        self.watcher = asyncio.create_task(self.watch())
        if not self.is_out:
            await self.reply(wire.Authenticated(datetime.fromtimestamp(fresh.expires, UTC)))

    # --8<-- [end:recheck]

    # --8<-- [start:receive]
    async def receive(self, text_data=None, bytes_data=None):
        try:
            if not self.bucket.take():
                return await self.warn("wait a moment")
            if len(text_data or "") > settings.MAX_MESSAGE_LENGTH:
                raise InvalidMessage(f"longer than {settings.MAX_MESSAGE_LENGTH} characters")
            message = self.decode(text_data)
            if isinstance(message, wire.Authenticate):
                return await self.renew(message.token)
            per_minute = settings.USER_MESSAGES_PER_MINUTE
            if not await in_thread(counter.allow)("messages", self.user.pk, per_minute):
                return await self.warn(f"no more than {per_minute} messages a minute")
            await self.handle(message)
        except InvalidMessage as problem:
            await self.reply(Error("invalid_message", str(problem)))
            if row_is_full(self.bad_messages, IN_SECONDS):
                await self.refuse(4400, f"{BAD_MESSAGES} bad messages in {IN_SECONDS} seconds")

    async def warn(self, detail: str) -> None:
        """The message was not taken. Too many warnings in a minute, and the connection ends."""
        await self.reply(Error("too_fast", detail))
        if row_is_full(self.warnings, seconds=60):
            await self.refuse(4429, "too fast; come back in a minute")

    # --8<-- [end:receive]

    def take_slot(self) -> None:
        """One more connection of this person, if they have not too many. Raises Refused.

        Sync, like what it asks: the shared cache.
        """
        per_minute, limit = settings.CONNECTS_PER_MINUTE, settings.CONNECTIONS_PER_USER
        if not counter.allow("connects", self.user.pk, per_minute):
            raise Refused(4429, f"no more than {per_minute} new connections a minute")
        self.slot = slots.take(self.user.pk, self.channel_name)
        if not self.slot:
            raise Refused(4429, f"no more than {limit} connections at once")

    async def give_back(self) -> None:
        if self.slot:
            await in_thread(slots.free)(self.slot, self.channel_name)
            await self.channel_layer.group_discard(self.person_group, self.channel_name)


def row_is_full(times: deque, seconds: float) -> bool:
    """Note one more event; whether as many as `times` holds came within so many seconds."""
    times.append(monotonic())
    return len(times) == times.maxlen and times[-1] - times[0] <= seconds


class WhoamiConsumer(PersonConsumer):
    """Say who is there, and how they proved it, at /ws/whoami/."""

    async def enter(self):
        via = self.scope["credential"].via
        await self.reply(wire.Whoami(self.user.pk, self.user.username, via))
