"""A connection's right to be there: looked at again and again, renewed, and ended."""

import asyncio
import logging
from datetime import UTC, datetime
from time import time

from channels.db import database_sync_to_async as in_thread
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

from accounts.credentials import NotAuthenticated, TokenCredential
from realtime import limits
from realtime import messages as wire
from realtime.refusals import NotAllowed

logger = logging.getLogger(__name__)

RENEWALS_PER_MINUTE = 60  # of one person: each asks the database whether the log-in goes on


class Refused(Exception):
    """The connection may not go on: the close code, and the reason in words."""

    def __init__(self, code: int, reason: str):
        self.code, self.reason = code, reason


# What ends a connection wherever it is raised: also that what the socket is about is not there.
ENDS = (Refused, ObjectDoesNotExist)


class RightMixin:
    """What ends a consumer when its person's log-in ends, or its token, or a membership."""

    gone = "there is no such thing, or it is not for you"  # the reason for ObjectDoesNotExist

    def look(self) -> None:
        """Is the log-in still good, and may they still be here? In a thread. Raises Refused."""
        self.identify()
        self.admit()
        if self.watcher:  # not at the beginning: the slot was only just taken
            self.slot = limits.keep_slot(self.slot)

    def identify(self) -> None:
        """Who is this now, if anybody? In a thread. Raises Refused."""
        try:
            self.user = self.scope["user"] = self.scope["credential"].check()
        except NotAuthenticated as problem:
            raise Refused(4401, str(problem)) from None

    def admit(self) -> None:
        """May they be here? As permit says. In a thread. Raises one of ENDS."""
        try:
            self.permit()
        except NotAllowed as problem:
            raise Refused(4403, str(problem)) from None

    async def look_again(self) -> None:
        await in_thread(self.look)()

    async def recheck(self, event=None):
        """Group message, and the watcher's timer: something may have changed."""
        try:
            await self.look_again()
        except ENDS as problem:
            await self.put_out(problem)
        except Exception:  # the database is away: nobody knows whether they may stay, so they go
            logger.exception("no recheck for %s", self.channel_name)
            await self.refuse(4013, "the server cannot tell who you are; try again later")

    async def put_out(self, problem: Exception) -> None:
        """End the connection, for one of ENDS."""
        if isinstance(problem, Refused):
            return await self.refuse(problem.code, problem.reason)
        logger.info("%s ends: %s", self.channel_name, problem)  # in case it is a mistake of ours
        await self.refuse(4403, self.gone)

    def watch(self) -> None:
        """Look again in RECHECK_SECONDS, since group messages get lost, or at the expiry.

        A timer: a task that sleeps would cost each idle connection 1.5 KB.
        """
        expires = self.scope["credential"].expires
        left = settings.RECHECK_SECONDS if expires is None else expires - time()
        seconds = max(0.1, min(left, settings.RECHECK_SECONDS))
        self.watcher = asyncio.get_running_loop().call_later(seconds, self.wake)

    def wake(self) -> None:
        self.watcher = asyncio.create_task(self.look_and_watch())

    async def look_and_watch(self) -> None:
        async with self.turn:
            await self.recheck()
        if not self.is_out:
            self.watch()

    async def renew(self, raw: str) -> None:
        """Take a fresh token of the same person on the open socket. Raises TooMuch."""
        await in_thread(limits.count)("renewals", self.user.pk, RENEWALS_PER_MINUTE)
        try:
            fresh = TokenCredential.read(raw, "message")
            user = await in_thread(fresh.check)()
        except NotAuthenticated as problem:
            return await self.reply(wire.Error("not_authenticated", str(problem)))
        if user != self.user:
            raise Refused(4403, "that token is somebody else's")
        self.scope["credential"] = fresh
        self.watcher.cancel()
        await self.recheck()  # else who renews again and again would never be asked
        self.watch()
        if not self.is_out:
            await self.reply(wire.Authenticated(datetime.fromtimestamp(fresh.expires, UTC)))
