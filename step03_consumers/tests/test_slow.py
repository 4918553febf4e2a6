"""Who waits for whom: five slow answers at once, and three in a row."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from tests.sockets import real

SECONDS = 0.5  # what one answer takes


async def one_answer(socket) -> None:
    await socket.send("?")
    assert await socket.receive() == "?"


async def five_at_once(live, kind: str) -> float:
    """Five connections ask at the same moment; the seconds until the last has its answer."""
    async with AsyncExitStack() as stack:
        url = live.url(f"/ws/slow/{kind}/", "ws")
        sockets = [await stack.enter_async_context(real(url)) for _ in range(5)]
        started = time.perf_counter()
        await asyncio.gather(*(one_answer(socket) for socket in sockets))
        return time.perf_counter() - started


# --8<-- [start:five]
async def test_five_blocking_handlers_take_five_times_as_long(live):
    assert 5 * SECONDS <= await five_at_once(live, "sync") < 8 * SECONDS


@pytest.mark.parametrize("kind", ["async", "threads"])
async def test_five_waiting_handlers_take_as_long_as_one(kind, live):
    assert SECONDS <= await five_at_once(live, kind) < 3 * SECONDS


# --8<-- [end:five]


async def test_one_connection_gets_its_answers_one_after_the_other(live):
    """However asynchronous the handler: a consumer handles one event at a time."""
    async with real(live.url("/ws/slow/async/", "ws")) as socket:
        started = time.perf_counter()
        for frame in "abc":
            await socket.send(frame)
        assert [await socket.receive() for _ in "abc"] == ["a", "b", "c"]
        assert time.perf_counter() - started >= 3 * SECONDS


async def test_an_async_echo_waits_behind_blocking_handlers(live):
    """Channels closes old database connections before each event, on the one shared thread."""
    slow, echo = live.url("/ws/slow/sync/", "ws"), live.url("/ws/echo/async-websocket/", "ws")
    async with real(slow) as one, real(slow) as two, real(slow) as three, real(echo) as other:
        waiting = [asyncio.create_task(one_answer(socket)) for socket in (one, two, three)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        started = time.perf_counter()  # the other two stand in line for the thread
        await one_answer(other)
        assert time.perf_counter() - started > SECONDS
        await asyncio.gather(*waiting)
