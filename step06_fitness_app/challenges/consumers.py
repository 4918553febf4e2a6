"""A challenge, live: its board for whoever may see it, progress for who takes part."""

import asyncio

from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from challenges import boards, services
from challenges import messages as wire
from realtime import groups
from realtime.consumers import PersonConsumer
from realtime.messages import Ack


class ChallengeConsumer(PersonConsumer):
    """A socket at /ws/challenge/<id>/.

    Receives and sends what messages.py lists; the first frame is `challenge_state`. The socket
    outlives the challenge, its group does not. Closes with 4403 (none that you may see) and as
    every PersonConsumer.
    """

    messages = wire
    gone = "there is no such challenge that you may see"
    board = timer = None

    def permit(self):
        asked = self.scope["url_route"]["kwargs"]["challenge_id"]
        self.challenge = services.find(self.user, asked)

    async def enter(self):
        """Join first, then read: what changes between the two is shown again, not missed."""
        self.group = groups.challenge(self.challenge.pk)
        await self.join(self.group)
        self.board = await boards.read(self.challenge.pk)
        await self.reply(self.board.state_for(self.user.pk, self.challenge))
        if self.board.is_dissolved:
            await self.quit(self.group)
        else:
            self.timer = asyncio.create_task(self.wait_for_the_end())

    async def leave(self):
        if self.timer:
            self.timer.cancel()

    async def handle(self, message):
        match message:
            case wire.ProgressUpdate():
                work = services.progress, message.value, message.client_id
            case wire.ChallengeJoin():
                work = (services.join,)
            case wire.ChallengeLeave():
                work = (services.leave,)
        service, *details = work
        version = await in_thread(service)(self.challenge.pk, self.user, *details)
        boards.changed.poke(self.challenge.pk)
        await self.reply(Ack(message.client_id, version))

    # --8<-- [start:show]
    async def changed(self, event) -> None:
        """Group message: somebody who has no event loop to poke in has changed the board."""
        boards.changed.poke(self.challenge.pk)

    async def show(self, event) -> None:
        """Group message: there is a board of this version. Never an older one after a newer."""
        if event["version"] <= self.board.version:
            return
        self.board = await boards.at_least(self.challenge.pk, event["version"])
        await self.send(self.board.frame_for(self.user.pk))
        if self.board.is_dissolved:
            await self.leave()
            await self.quit(self.group)

    async def look_again(self):
        """What the layer lost is shown at the next recheck."""
        await super().look_again()
        if self.board and not self.board.is_dissolved:
            await self.show({"version": self.challenge.version})

    # --8<-- [end:show]

    async def wait_for_the_end(self) -> None:
        """Whoever is here carries it out; services.end sees to it that it is done once."""
        while not self.challenge.is_over:  # a recheck may have read another end; so may the clock
            left = (self.challenge.ends_at - timezone.now()).total_seconds()
            await asyncio.sleep(left + 0.01)
        boards.due.poke(self.challenge.pk)
