"""What is measured of a server, each figure by a function: how it is loaded, and what counts."""

import asyncio
import json
import os
import re
import statistics
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.client import Crowd, connect, connect_many

TEXT = "x" * 40


class Target(NamedTuple):
    """What is measured: the processes of one variant, and tokens of its users."""

    ports: list[int]
    tokens: list[str]
    pids: list[int]


class Meter:
    """How much a server did in a block: units a second, and its microseconds for each."""

    def __init__(self, pids: list[int]):
        self.pids = pids

    def __enter__(self):
        self.wall, self.cpu, self.units = time.perf_counter(), cpu_seconds(self.pids), 0
        return self

    def __exit__(self, *problem):
        self.wall = time.perf_counter() - self.wall
        self.cpu = cpu_seconds(self.pids) - self.cpu
        if self.units:
            self.figure = {
                "a_second": self.units / self.wall,
                "cpu_us": 1e6 * self.cpu / self.units,
            }


def resident(pids: list[int]) -> int:
    """Kilobytes; from /proc, so on Linux only."""
    files = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return sum(int(re.search(r"VmRSS:\s+(\d+)", text)[1]) for text in files)


def cpu_seconds(pids: list[int]) -> float:
    """What these processes have computed so far."""
    files = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in files)
    return ticks / os.sysconf("SC_CLK_TCK")


def frame(kind: str) -> str:
    return json.dumps({"type": kind, "message": TEXT}, separators=(",", ":"))


async def room(server, members: int, name: str = "room"):
    """So many in a room, and the bytes that one frame to all of them makes at each."""
    crowd = Crowd()
    path = f"/ws/bench/{name}/"
    sockets = await connect_many(members, server.ports, path, crowd, server.tokens)
    await all_in(sockets)
    await crowd.until_quiet(0.4)
    before = [one.received for one in sockets]
    last = sockets[-1].hear(TEXT.encode())
    sockets[0].send(frame("say"))
    await asyncio.wait_for(last, 20)
    await crowd.until_quiet(0.4)
    sizes = {one.received - was for one, was in zip(sockets, before, strict=True)}
    assert len(sizes) == 1 and sizes != {0}, f"not all have got it: {sizes}"
    return crowd, sockets, sizes.pop()


async def all_in(sockets) -> None:
    """Accepted is not enough: a server may accept first and look then. Whose echo is back is in."""
    for one in sockets:
        heard = one.hear(TEXT.encode())
        one.send(frame("echo"))
        await asyncio.wait_for(heard, 20)


async def end(sockets) -> None:
    await asyncio.gather(*(one.close() for one in sockets))


async def fan_out(server, seconds: float, members: int) -> dict:
    """Deliveries in a room of so many, one message in flight."""
    crowd, sockets, size = await room(server, members)
    with Meter(server.pids) as meter:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            target = crowd.received + members * size
            sockets[0].send(frame("say"))
            await crowd.until(target)
            meter.units += members
    await end(sockets)
    return meter.figure


async def echo(server, seconds: float, clients: int) -> dict:
    """Echoes to so many clients, each with one in flight."""
    [port], tokens, pids = server
    opened = []
    for index in range(clients):
        crowd = Crowd()
        me = await connect(port, f"/ws/bench/{index}/", crowd, tokens[index % len(tokens)])
        me.send(frame("echo"))
        await crowd.until(crowd.received + 1)
        opened.append((me, crowd))
    await asyncio.sleep(0.3)
    crowd, before = opened[0][1], opened[0][1].received
    opened[0][0].send(frame("echo"))
    await crowd.until(before + 1)
    size = crowd.received - before
    with Meter(pids) as meter:
        until = time.perf_counter() + seconds

        async def one(me, crowd) -> None:
            while time.perf_counter() < until:
                target = crowd.received + size
                me.send(frame("echo"))
                await crowd.until(target)
                meter.units += 1

        await asyncio.gather(*(one(*each) for each in opened))
    await end([me for me, _ in opened])
    return meter.figure


async def sent_at(server, members: int, messages: int, rate: float | None) -> dict:
    """The share lost of so many messages sent at a rate or at once, and what memory it took."""
    crowd, sockets, size = await room(server, members)
    before, memory = crowd.received, resident(server.pids)
    begun = time.perf_counter()
    for number in range(messages):
        if rate and (early := begun + number / rate - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        sockets[0].send(frame("say"))
    most = resident(server.pids)
    with suppress(TimeoutError):  # one that is busy sends nothing for a while, and then all of it
        await crowd.until(before + size * members * messages)
    await crowd.until_quiet(2)
    lost = 1 - (crowd.received - before) / (size * members * messages)
    most = max(most, resident(server.pids))
    await end(sockets)
    return {"lost": lost, "grown_kb": most - memory}


async def latency(server, seconds: float, members: int, rate: float) -> dict:
    """Milliseconds from sending to receiving: the median and the 99th percentile."""
    crowd, sockets, _ = await room(server, members)
    for one in sockets:
        one.times = []
    begun = time.perf_counter()
    for number in range(int(seconds * rate)):
        await asyncio.sleep(max(0, begun + number / rate - time.perf_counter()))
        text = str(time.perf_counter_ns()).rjust(24, "0")
        sockets[0].send(json.dumps({"type": "say", "message": text}))
    await crowd.until_quiet(0.5)
    found = sorted(
        (at - int(sent)) / 1e6
        for one in sockets
        for at, data in one.times
        for sent in re.findall(rb"\d{24}", data)
    )
    await end(sockets)
    return {"p50": statistics.median(found), "p99": found[int(len(found) * 0.99)]}


async def handshakes(server, seconds: float) -> dict:
    """Connections opened, a first message answered, and closed; ten at once."""
    [port], tokens, pids = server
    with Meter(pids) as meter:
        until = time.perf_counter() + seconds

        async def one(index: int) -> None:
            while time.perf_counter() < until:
                me = await connect(port, f"/ws/bench/h{index}/", Crowd(), tokens[index])
                await all_in([me])
                meter.units += 1
                await me.close()

        await asyncio.gather(*map(one, range(10)))
    return meter.figure


async def memory(server, connections: int) -> dict:
    """Resident memory for each idle connection."""
    ports, tokens, pids = server
    crowd = Crowd()
    warm = await connect_many(100, ports, "/ws/bench/warm/", crowd, tokens)
    await all_in(warm)
    await crowd.until_quiet(0.5)
    before = resident(pids)
    sockets = await connect_many(connections, ports, "/ws/bench/idle/", crowd, tokens)
    await all_in(sockets)
    await crowd.until_quiet(0.5)
    grown = resident(pids) - before
    await end([*warm, *sockets])
    return {"kb": grown / connections}


async def idle_neighbours(server, seconds: float, number: int) -> dict:
    """What a delivery costs beside so many idle sockets in other rooms, against without them."""
    without = await fan_out(server, seconds, 100)
    crowd = Crowd()
    idle = await connect_many(number, server.ports, "/ws/bench/idle/", crowd, server.tokens)
    await all_in(idle)
    await crowd.until_quiet(0.5)
    beside = await fan_out(server, seconds, 100)
    await end(idle)
    return {"cpu_ratio": beside["cpu_us"] / without["cpu_us"]}


async def stored(server, seconds: float, senders: int) -> dict:
    """Messages stored, acknowledged and delivered in chats of two, each sender with one at once."""
    [port], tokens, pids = server
    sockets = [
        await connect(port, f"/ws/chat/{index // 2 + 1}/", Crowd(), tokens[index])
        for index in range(senders)
    ]

    async def say(me) -> None:
        acknowledged = me.hear(b'"ack"')
        me.send(frame("chat_message"))
        async with asyncio.timeout(20):
            await acknowledged

    await asyncio.gather(*map(say, sockets))  # so all are in
    with Meter(pids) as meter:
        until = time.perf_counter() + seconds

        async def one(me) -> None:
            while time.perf_counter() < until:
                await say(me)
                meter.units += 1

        await asyncio.gather(*map(one, sockets))
    await end(sockets)
    return meter.figure


# Memory first: it grows with what comes later. `capacity` is the tutorial's, in messages a second.
FIGURES = {
    "memory": lambda server, s, capacity: memory(server, 1000),
    "handshakes": lambda server, s, capacity: handshakes(server, s),
    "fan-out to 10": lambda server, s, capacity: fan_out(server, s, 10),
    "fan-out to 100": lambda server, s, capacity: fan_out(server, s, 100),
    "fan-out to 1,000": lambda server, s, capacity: fan_out(server, s, 1000),
    "echo, 1 client": lambda server, s, capacity: echo(server, s, 1),
    "echo, 100 clients": lambda server, s, capacity: echo(server, s, 100),
    "latency": lambda server, s, capacity: latency(server, 2 * s, 100, 30),
    "burst": lambda server, s, capacity: sent_at(server, 100, 1000, None),
    "overload": lambda server, s, capacity: sent_at(
        server, 100, int(4 * s * capacity), 2 * capacity
    ),
    "beside 2,000 idle": lambda server, s, capacity: idle_neighbours(server, s, 2000),
    "stored": lambda server, s, capacity: stored(server, s, 100),
}
