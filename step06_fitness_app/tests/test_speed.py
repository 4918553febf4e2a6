"""Who waits for the database's one thread: whoever asks it, and nobody else."""

import asyncio
import json
import time
from types import SimpleNamespace

import pytest
from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async as in_thread
from msgspec import Struct

from realtime import messages as wire
from realtime.consumers import PersonConsumer
from realtime.publish import publish
from tests.test_realtime import GROUP, Said, parrot

pytestmark = pytest.mark.django_db(transaction=True)


class Ask(Struct, tag_field="type", tag="ask"):
    """Something that keeps the database's thread busy."""


class Room(PersonConsumer):
    """Pass on what is published; one of them may ask something slow."""

    messages = SimpleNamespace(decode=wire.decoder(wire.Authenticate | Ask))

    async def enter(self):
        await self.join(GROUP)
        await self.reply(Said("hello", self.user.username))

    async def handle(self, message):
        await in_thread(time.sleep)(1)
        await self.reply(Said("answer", self.user.username))


async def delays() -> list[float]:
    """Milliseconds from publishing to hearing, sorted, while another member's query takes 1 s."""
    async with parrot("ada", Room) as ada, parrot("ben", Room) as ben:
        for person in (ada, ben):
            await person.hear()
        await ben.say("ask")
        await asyncio.sleep(0)
        found = []

        async def listen() -> None:
            for _ in range(30):
                frame = json.loads(await ada.receive())
                found.append(1000 * (time.perf_counter() - float(frame["text"])))

        listening = asyncio.create_task(listen())
        for _ in range(30):
            await publish(GROUP, Said(str(time.perf_counter()), "bot"))
            await asyncio.sleep(0.025)
        await listening
        await ben.get("said", text="answer")
    return sorted(found)


@pytest.fixture(params=[False, True], ids=["groups", "hub"])
def hub(request, settings) -> bool:
    settings.HUB = request.param
    return request.param


async def test_a_slow_query_of_one_delays_no_frame_of_another(people, hub):
    """So does other work on this machine, now and then: one of five times is enough."""
    for _ in range(5):
        found = await delays()
        if found[int(0.95 * len(found))] < 50:
            return
    pytest.fail(f"later than 50 ms: {found}")


async def test_with_channels_own_dispatch_it_delays_them_all(people, settings, monkeypatch):
    """It makes a turn of the database's thread before each event (channels 4.2 and later)."""
    settings.HUB = False
    monkeypatch.setattr(PersonConsumer, "dispatch", AsyncConsumer.dispatch)
    found = await delays()
    assert found[int(0.95 * len(found))] > 500, found


async def test_a_broadcast_asks_nothing_of_the_thread(people, hub, monkeypatch):
    """From publishing to the frame: with the thread held, not merely slow."""
    async with parrot("ada", Room) as ada:
        await ada.hear()
        held = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hold() -> None:
            asyncio.run_coroutine_threadsafe(held.wait(), loop).result(10)

        holding = asyncio.create_task(in_thread(hold)())
        await publish(GROUP, Said("through", "bot"))
        assert json.loads(await ada.receive())["text"] == "through"
        assert not holding.done()
        held.set()
        await holding
