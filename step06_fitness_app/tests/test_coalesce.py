"""Much that changes quickly, told seldom."""

import asyncio
from time import monotonic

from realtime.coalesce import Coalescer

TICK = 0.05


class Work:
    """Notes what it is asked for; `answer` is what it gives, or raises."""

    def __init__(self, *answers):
        self.asked, self.answers, self.news = [], list(answers), asyncio.Condition()

    async def __call__(self, key):
        self.asked.append((key, monotonic()))
        async with self.news:
            self.news.notify_all()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def times(self, number: int) -> None:
        async with asyncio.timeout(20), self.news:
            await self.news.wait_for(lambda: len(self.asked) >= number)


async def test_a_burst_is_answered_at_once_and_once_more_at_its_end():
    work = Work()
    coalescer = Coalescer(TICK, work)
    for _ in range(200):
        coalescer.poke("a")
    await work.times(1)
    for _ in range(200):
        coalescer.poke("a")
    await work.times(2)
    await coalescer.tasks["a"]
    assert len(work.asked) == 2
    assert not coalescer.tasks and not coalescer.poked


async def test_two_turns_are_never_closer_than_the_seconds():
    work = Work()
    coalescer = Coalescer(TICK, work)
    while len(work.asked) < 6:
        coalescer.poke("a")
        await asyncio.sleep(0)
    times = [at for _, at in work.asked]
    assert all(later - at >= TICK - 0.001 for at, later in zip(times, times[1:], strict=False)), (
        times
    )


async def test_what_is_poked_while_it_is_worked_on_is_worked_on_again():
    state, seen, began, go = {"value": 1}, [], asyncio.Event(), asyncio.Event()

    async def work(key):
        seen.append(state["value"])
        began.set()
        await go.wait()

    coalescer = Coalescer(TICK, work)
    coalescer.poke("a")
    await began.wait()
    state["value"] = 2
    coalescer.poke("a")
    go.set()
    await coalescer.tasks["a"]
    assert seen == [1, 2]


async def test_each_key_has_turns_of_its_own():
    work = Work()
    coalescer = Coalescer(60, work)
    coalescer.poke("a")
    coalescer.poke("b")
    await work.times(2)
    assert {key for key, _ in work.asked} == {"a", "b"}
    for task in coalescer.tasks.values():
        task.cancel()


async def test_work_that_asks_for_it_gets_another_turn():
    work = Work(True, True)
    coalescer = Coalescer(TICK, work)
    coalescer.poke("a")
    await coalescer.tasks["a"]
    assert len(work.asked) == 3


async def test_a_failure_is_logged_and_the_next_poke_tries_again(caplog):
    work = Work(ValueError("no database"))
    coalescer = Coalescer(TICK, work)
    coalescer.poke("a")
    await coalescer.tasks["a"]
    assert "no database" in caplog.text
    coalescer.poke("a")
    await work.times(2)


async def test_a_turn_that_was_cut_off_hinders_no_later_one():
    work = Work()
    coalescer = Coalescer(60, work)
    coalescer.poke("a")
    coalescer.tasks["a"].cancel()  # before it ran at all
    await asyncio.sleep(0)
    coalescer.poke("a")
    await work.times(1)
    coalescer.tasks["a"].cancel()
