"""Group commit: what queues up for the database shares one transaction, and one turn of its thread.

For calls that come faster than they can be stored one by one.
"""

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async as in_thread
from django.db import IntegrityError

MOST = 100  # calls in one transaction
PAUSE, WAIT = 0.005, 0.05  # seconds: from one look whether more comes to the next, and in all


# --8<-- [start:batch]
class Batch:
    """Await it with one call's arguments: the answer comes after the commit.

    `work` is sync and atomic. It is given a list of calls, in the order they came, and gives for
    each what to return or, if it is an Exception, to raise. While one list is worked on, the next
    gathers; after one of several, until no more comes. Where the database refuses them together,
    each is done alone.
    """

    def __init__(self, work: Callable[[list[tuple]], list]):
        self.work = work
        self.waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, list] = WeakKeyDictionary()
        self.running: set[asyncio.Task] = set()

    async def __call__(self, *args):
        loop = asyncio.get_running_loop()
        waiting = self.waiting.setdefault(loop, [])
        waiting.append((args, answer := loop.create_future()))
        if len(waiting) == 1:  # else somebody runs, and goes on until none is left
            task = loop.create_task(self.run(waiting))
            self.running.add(task)
            task.add_done_callback(self.running.discard)
        return await answer

    async def run(self, waiting: list) -> None:
        while batch := waiting[:MOST]:  # what was worked on goes last: until then this runs
            try:
                outcomes = await in_thread(self.together)([args for args, _ in batch])
            except Exception as problem:
                outcomes = [problem] * len(batch)
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if answer.done():  # whoever asked is gone
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)
            if len(batch) > 1:
                await let_come(waiting, len(batch))
            del waiting[: len(batch)]

    def together(self, calls: list[tuple]) -> list:
        try:
            return self.work(calls)
        except IntegrityError as problem:  # of somebody deleted meanwhile, say
            return [problem] if len(calls) == 1 else [self.together([one])[0] for one in calls]


async def let_come(waiting: list, done: int) -> None:
    """Wait as long as more comes, WAIT at most: who was just answered goes on talking.

    The next list would be short otherwise. It takes as many queries as a long one, on a thread that
    the event loop shares the processor with: the shorter it is, the slower the rest comes in.
    """
    loop, seen = asyncio.get_running_loop(), 0
    until = loop.time() + WAIT
    while seen < len(waiting) < MOST + done and loop.time() < until:
        seen = len(waiting)
        await asyncio.sleep(PAUSE)


# --8<-- [end:batch]
