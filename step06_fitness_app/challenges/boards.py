"""The boards of this process: told when they change, and read once for all who look here."""

import asyncio
from weakref import WeakValueDictionary

from channels.db import database_sync_to_async as in_thread

from challenges import services
from challenges.board import Board
from realtime import groups
from realtime.coalesce import Coalescer
from realtime.publish import send


async def show(challenge_id: int) -> bool:
    """Tell every process that there is a newer board, if it is this one's turn to."""
    version, is_early = await in_thread(services.claim)(challenge_id)
    if version:
        await send(groups.challenge(challenge_id), "show", version=version)
    return is_early


async def end(challenge_id: int) -> None:
    await in_thread(services.end)(challenge_id)


changed = Coalescer(services.TICK, show)
due = Coalescer(1, end)  # a thousand sockets notice in one instant that a challenge is over

KNOWN: WeakValueDictionary[int, Board] = WeakValueDictionary()  # kept by the consumers that show it
READING: dict[int, asyncio.Task] = {}


async def at_least(challenge_id: int, version: int) -> Board:
    """The board of this version, or a newer one. Whoever asks while it is read gets that one."""
    while (board := KNOWN.get(challenge_id)) is None or board.version < version:
        reading = READING.get(challenge_id)
        if reading is None or reading.done():
            reading = READING[challenge_id] = asyncio.create_task(read(challenge_id))
        board = await asyncio.shield(reading)
    return board


async def read(challenge_id: int) -> Board:
    try:
        KNOWN[challenge_id] = board = await in_thread(services.read)(challenge_id)
        return board
    finally:
        READING.pop(challenge_id, None)
