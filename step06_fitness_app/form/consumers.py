"""The form coach of a running workout: who trains sends their body, who may watch sees it too."""

import asyncio
from time import monotonic
from uuid import uuid4

from channels.db import database_sync_to_async as in_thread
from django.utils import timezone

from coaching.coach import State, step
from coaching.recording import Frame
from form import messages as wire
from form import services
from realtime import groups
from realtime.consumers import PersonConsumer
from realtime.messages import Error
from realtime.publish import publish, send
from realtime.seen import SeenMixin

PAUSE = 0.1  # seconds between two updates
QUIET = 2.0  # seconds between two cues


class FormConsumer(SeenMixin, PersonConsumer):
    """The connection of the owner, or of a watcher, at /ws/form/<workout id>/.

    Receives (`pose` from the owner, `cue` from their trainer) and sends what messages.py lists. The
    coach lives as long as the owner's connection. What it counted is stored when that ends, and a
    new one goes on from there: a crash of the server loses it. Closes with 4403 (no workout that
    goes on, or not theirs to watch) and as every PersonConsumer.
    """

    messages = wire
    rate = (40, 80)
    newest = sender = None  # the update that waits for its turn, and the task that sends it
    cued_at = -QUIET
    coach, before = State(), 0
    counted_at = None  # the last repetition: the tab may stay open for hours after it

    def permit(self):
        asked = self.scope["url_route"]["kwargs"]["workout_id"]
        self.workout, self.role = services.place(self.user, asked)

    async def enter(self):
        self.group = groups.form(self.workout.pk)
        await self.join(self.group)
        await self.look_again()  # something may have changed before this was in the group
        self.before = await in_thread(services.counted)(self.workout)
        self.coach = State(repetitions=self.before)
        owner = self.workout.owner.username
        state = {"workout_id": self.workout.pk, "username": owner, "role": self.role}
        await self.reply(wire.FormState(repetitions=self.before, **state))

    # --8<-- [start:handle]
    async def handle(self, message):
        match message, self.role:
            case wire.Pose(time, points), "owner":
                await self.see(Frame(time, points))
            case wire.SendCue(text), "trainer":
                await self.say(text)
            case wire.Seen(frames), _:
                self.has_seen(frames)
            case wire.Pose(), _:
                await self.reply(Error("not_allowed", "only who trains sends their body"))
            case wire.SendCue(), _:
                await self.reply(Error("not_allowed", "only their trainer sends a cue"))

    async def see(self, frame: Frame) -> None:
        """Up to 30 times a second: no database, and no wait for who watches."""
        before = self.coach.repetitions
        self.coach, feedback, cue = step(self.coach, frame)
        if self.coach.repetitions > before:
            self.counted_at = timezone.now()
        self.newest = wire.FormUpdate(points=frame.points, **vars(feedback))
        if self.sender is None or self.sender.done():
            self.sender = asyncio.create_task(self.send_newest())
        if cue and monotonic() - self.cued_at >= QUIET:
            self.cued_at = monotonic()
            await publish(self.group, wire.FormCue(cue, "coach"))

    async def send_newest(self) -> None:
        """Encoded once for all; what came while this slept, as one."""
        while self.newest:
            update, self.newest = self.newest, None
            await publish(self.group, update)
            await asyncio.sleep(PAUSE)

    # --8<-- [end:handle]

    async def say(self, text: str) -> None:
        if monotonic() - self.cued_at < QUIET:
            return await self.reply(Error("too_fast", "one cue every two seconds"))
        await send(self.group, "cued")
        self.cued_at = monotonic()
        await publish(self.group, wire.FormCue(text, self.user.username))

    async def cued(self, event):
        """Group message: a trainer speaks, so the coach does not."""
        self.cued_at = monotonic()

    async def leave(self):
        if self.sender:
            self.sender.cancel()
        if done := self.coach.repetitions - self.before:
            await in_thread(services.keep)(self.workout.pk, done, uuid4().hex, self.counted_at)
