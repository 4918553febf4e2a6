"""A client that stops reading, at a real server whose `send` waits: what it costs, and whom."""

import asyncio

import pytest

from benchmarks.client import Crowd, connect
from benchmarks.figures import resident
from benchmarks.run import serve, workplace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("redis"),
    pytest.mark.needs("uvicorn"),
]
FRAMES, SIZE = 4_000, 8000  # of them all: 32 MB; of a thousand, which is the bound: 8 MB
UNBOUNDED = "from config.settings import *\nHUB_WAITING = None\n"
WATCHED = """
from typing import Annotated

from benchmarks.apps import *
from realtime.seen import SeenMixin


class SeenWire:
    decode = staticmethod(messages.decoder(Say | Echo | messages.Seen))


class Watched(SeenMixin, Pulse):
    messages = SeenWire

    async def handle(self, message):
        if isinstance(message, messages.Seen):
            return self.has_seen(message.frames)
        await super().handle(message)


inner = URLRouter([path("ws/bench/<str:room>/", Watched.as_asgi())])
watched = application(SameOriginOnly(CookieMiddleware(TokenAuthMiddleware(inner))))
"""


async def grown(port: int, tokens: list[str], pids: list[int], says_seen: bool = False) -> int:
    """KB that the server grows by while one reads all of it and one nothing."""
    crowd, nobody = Crowd(), Crowd()
    quick = await connect(port, "/ws/bench/room/", crowd, tokens[0])
    slow = await connect(port, "/ws/bench/room/", nobody, tokens[1])
    for one in (quick, slow):
        heard = one.hear(b'"echo"')
        one.send('{"type":"echo","message":"in"}')
        await asyncio.wait_for(heard, 60)
    slow.transport.pause_reading()
    frame = '{"type":"say","message":"%s"}' % ("x" * SIZE)
    before, read = resident(pids), crowd.received
    for number in range(1, FRAMES + 1):
        quick.send(frame)
        if number % 50 == 0:  # this one keeps up, and waits for nobody
            await crowd.until(read + number * SIZE, 60)
            if says_seen:
                quick.send('{"type":"seen","frames":50}')
    size = resident(pids) - before
    for one in (quick, slow):
        one.transport.abort()
    return size


@pytest.fixture(scope="module")
def place():
    with workplace() as found:
        yield found


@pytest.mark.parametrize("is_bounded", [True, False], ids=["bounded", "without the bound"])
def test_one_that_does_not_read_costs_a_bounded_memory_and_holds_nobody_up(place, is_bounded):
    folder, environment, tokens = place
    (folder / "unbounded.py").write_text(UNBOUNDED, encoding="utf-8")
    environment = environment | {"HUB": "1"}
    if not is_bounded:
        environment["DJANGO_SETTINGS_MODULE"] = "unbounded"
    with serve("uvicorn", "benchmarks.apps:pulse", folder, environment) as (port, server):
        size = asyncio.run(grown(port, tokens, [server.pid]))
    assert (size < 20_000) is is_bounded, f"{size} KB"


@pytest.mark.parametrize("is_bounded", [True, False], ids=["bounded", "without the bound"])
def test_on_daphne_who_never_says_what_it_saw_is_put_out_and_its_buffer_too(place, is_bounded):
    """Its `send` never waits: without the bound it keeps all that one does not read."""
    folder, environment, tokens = place
    (folder / "watching.py").write_text(WATCHED, encoding="utf-8")
    target = "watching:watched" if is_bounded else "benchmarks.apps:pulse"
    with serve("daphne", target, folder, environment | {"HUB": "1"}) as (port, server):
        size = asyncio.run(grown(port, tokens, [server.pid], is_bounded))
    assert (size < 20_000) is is_bounded, f"{size} KB"
