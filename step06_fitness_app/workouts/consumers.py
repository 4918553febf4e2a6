"""A member's running workout: they send it, those they allow watch it."""

from channels.db import database_sync_to_async as in_thread
from msgspec import Struct

from realtime import groups
from realtime.consumers import PersonConsumer
from realtime.messages import Ack, Error
from realtime.publish import publish
from realtime.seen import SeenMixin
from workouts import messages as wire
from workouts import services
from workouts.buffer import Buffer


class WorkoutConsumer(SeenMixin, PersonConsumer):
    """The owner's connection, or a watcher's, at /ws/workout/<user id>/.

    Receives (from the owner only) and sends what messages.py lists. Samples are passed on at once
    and stored in batches: a crash loses what was not `saved` yet, unless the client sends it again.
    Closes with 4403 (not theirs to watch, or nobody to watch) and as every PersonConsumer.
    """

    messages = wire
    rate = (40, 80)
    shown = None  # what the client was last told goes on
    seen = 0  # the newest workout they were let in to

    # --8<-- [start:permit]
    def permit(self):
        """By the privacy of the workout that goes on: asked again whenever that may be another."""
        asked = self.scope["url_route"]["kwargs"]["user_id"]
        self.owner, self.workout = services.watch(self.user, asked)
        self.seen = self.workout.pk if self.workout else self.seen

    async def enter(self):
        self.group, self.buffer = groups.workout(self.owner.pk), Buffer(self.tell)
        await self.join(self.group)
        await self.look_again()

    async def look_again(self):
        """Besides, tell what goes on now, if it is not what it was."""
        await super().look_again()
        one = self.workout
        now = (one.pk, one.state, one.privacy, len(one.pauses)) if one else ()
        if now != self.shown:
            self.shown = now
            role = "owner" if self.user == self.owner else "watcher"
            await self.reply(await in_thread(services.state_of)(self.owner, one, role))

    async def frame(self, event):
        """Nothing of a workout before it is known that they may see it."""
        if event["number"] != self.seen:
            await self.look_again()
        await super().frame(event)

    def takes(self, event):
        return event["number"] == self.seen and super().takes(event)

    # --8<-- [end:permit]

    # --8<-- [start:handle]
    async def handle(self, message):
        if isinstance(message, wire.Seen):
            return self.has_seen(message.frames)
        if self.user != self.owner:
            return await self.reply(Error("not_allowed", "you are watching"))
        match message:
            case wire.Update(time=None):
                await self.add_set(message)
            case wire.Update():
                await self.take_sample(message)
            case wire.WorkoutStart(kind, privacy, client_id):
                begun = await in_thread(services.start)(self.user, kind, privacy, client_id)
                await self.reply(Ack(client_id, begun.pk))
                await self.look_again()  # not when the group is told: samples may be next
            case _:
                change = services.CHANGES[type(message)]
                if await self.buffer.flush():
                    await in_thread(change)(self.user)

    async def add_set(self, done: wire.Update) -> None:
        what = done.exercise, done.sets, done.reps, done.weight, done.client_id, done.workout_id
        stored = await in_thread(services.add_set)(self.user, *what)
        await self.reply(Ack(done.client_id, stored.number))

    async def take_sample(self, sample: wire.Update) -> None:
        """Keep it and pass it on, without a turn of the database: no watcher waits for one."""
        if self.workout is None:
            raise services.Conflict(services.NONE)
        if not self.buffer.add(self.workout.pk, sample.row):
            return await self.reply(Error("not_saved", "nothing can be stored now: send it later"))
        await publish(self.group, wire.sample_frame(sample, self.user.username), self.workout.pk)

    # --8<-- [end:handle]

    async def tell(self, message: Struct) -> None:
        """From beside the turn: the connection may be over."""
        if not self.is_out:
            await self.reply(message)

    async def leave(self):
        self.is_out = True
        await self.buffer.close()
