"""Much that changes quickly, told seldom: however often something is poked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable

logger = logging.getLogger(__name__)


# --8<-- [start:coalescer]
class Coalescer:
    """Does `work(key)` after each `poke(key)`, at most once in `seconds`, and never side by side.

    The first poke is answered at once, all that come before the next turn are answered together,
    and the last is never forgotten. `work` gives whether to ask it again at the next turn. This
    bounds one process; what bounds several, `work` has to ask for (challenges/services.py, claim).
    """

    def __init__(self, seconds: float, work: Callable[[Hashable], Awaitable[bool | None]]):
        self.seconds, self.work = seconds, work
        self.poked: set[Hashable] = set()
        self.tasks: dict[Hashable, asyncio.Task] = {}

    def poke(self, key: Hashable) -> None:
        """Something about `key` has changed, and is committed. Called in the event loop."""
        self.poked.add(key)
        task = self.tasks.get(key)
        if task is None or task.done():
            self.tasks[key] = asyncio.create_task(self.run(key))

    async def run(self, key: Hashable) -> None:
        while key in self.poked:
            self.poked.discard(key)
            try:
                if await self.work(key):
                    self.poked.add(key)
            except Exception:  # the next poke tries again
                logger.exception("%r was not done", key)
            await asyncio.sleep(self.seconds)
        del self.tasks[key]


# --8<-- [end:coalescer]
