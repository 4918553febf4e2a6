"""Samples on their way to the database: those of a second in one transaction."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from channels.db import database_sync_to_async as in_thread
from msgspec import Struct

from realtime import limits
from realtime.messages import Error
from workouts import services
from workouts.messages import Saved
from workouts.models import Workout
from workouts.totals import Row

logger = logging.getLogger(__name__)

EVERY = 1.0  # seconds
MOST = 10_000  # samples that may wait while the database is away


# --8<-- [start:buffer]
class Buffer:
    """What one connection was sent and is not stored yet. Its owner is told how far it is."""

    def __init__(self, tell: Callable[[Struct], Awaitable[None]]):
        self.tell = tell
        self.waiting: dict[int, list[Row]] = {}  # by workout
        self.storing = asyncio.Lock()
        self.flusher = None
        self.is_too_much = False  # the last time its owner's batches were counted

    def add(self, workout_id: int, row: Row) -> bool:
        """Keep a sample, without the database. False: too many wait, or came in this minute."""
        if self.is_too_much or len(self.waiting.get(workout_id, ())) >= MOST:
            return False
        self.waiting.setdefault(workout_id, []).append(row)
        if not self.flusher or self.flusher.done():
            self.flusher = asyncio.create_task(self.keep_flushing())
        return True

    async def keep_flushing(self) -> None:
        while self.waiting:
            await asyncio.sleep(EVERY)
            await self.flush()

    async def flush(self) -> bool:
        """Store what waits. False: it could not be, and waits on."""
        async with self.storing:
            for workout_id, rows in list(self.waiting.items()):
                batch = list(rows)  # more may come meanwhile
                try:
                    await in_thread(services.store_samples)(workout_id, batch)
                    answer = Saved(max(row[0] for row in batch))
                except services.Conflict as problem:  # nor ever will be
                    answer = Error("conflict", str(problem))
                except Workout.DoesNotExist:
                    answer = Error("conflict", "the workout of these samples is deleted")
                except Exception as problem:
                    self.is_too_much = isinstance(problem, limits.TooMuch)
                    if not self.is_too_much:
                        logger.exception("%d samples wait for the database", len(rows))
                    await self.tell(Error("not_saved", "not stored yet: keep your last samples"))
                    return False
                self.is_too_much = False
                del rows[: len(batch)]
                if not rows:
                    del self.waiting[workout_id]
                await self.tell(answer)
        return True

    async def close(self) -> None:
        """Store the rest: the connection is over."""
        if self.flusher:
            self.flusher.cancel()
        await self.flush()


# --8<-- [end:buffer]
