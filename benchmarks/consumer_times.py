"""How long step 03's consumers take: `python -m benchmarks.consumer_times` writes the tables.

Two questions, each over a real Daphne on this machine:
- one echo there and back, for each kind of consumer (the median of many);
- several slow answers (half a second each) asked for at once, until the last is there.
"""

import asyncio
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from websockets import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
STEP = ROOT / "step03_consumers"
# Not .md: what ends in .md below docs/ is a page.
TABLES = ROOT / "docs/assets/measured"

ECHOES = {
    "AsyncWebsocketConsumer": "async-websocket",
    "WebsocketConsumer": "websocket",
    "AsyncConsumer": "async-consumer",
    "SyncConsumer": "sync-consumer",
    "AsyncJsonWebsocketConsumer": "json",
}
# What is asked, on which path, on how many connections, how many frames on each.
SLOW = {
    "five connections, `time.sleep` in a `WebsocketConsumer`": ("sync", 5, 1),
    "five connections, `asyncio.sleep` in an `AsyncWebsocketConsumer`": ("async", 5, 1),
    "five connections, `time.sleep` by `sync_to_async(…, thread_sensitive=False)`": (
        "threads",
        5,
        1,
    ),
    "one connection, three frames, `asyncio.sleep`": ("async", 1, 3),
}
MEANWHILE = "an async echo, asked for while three `time.sleep` wait in line"


@contextmanager
def daphne() -> Iterator[str]:
    """Step 03 on a port the system chooses; the address of its sockets."""
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", "0"]
    server = subprocess.Popen(
        [*command, "config.asgi:application"],
        cwd=STEP,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        for line in server.stderr:
            if found := re.search(r"Listening on TCP address 127\.0\.0\.1:(\d+)", line):
                yield f"ws://127.0.0.1:{found[1]}/ws"
                return
        raise RuntimeError("Daphne did not start")
    finally:
        server.terminate()
        server.wait(20)
        server.stderr.close()


async def answered(connection: ClientConnection, frames: int = 1) -> None:
    """Send frames, and wait until as many have come back."""
    for _ in range(frames):
        await connection.send("{}")
    for _ in range(frames):
        await asyncio.wait_for(connection.recv(), 30)


async def echo_time(base: str, kind: str, rounds: int) -> float:
    """Seconds for one echo there and back; the median."""
    times = []
    async with connect(f"{base}/echo/{kind}/") as connection:
        await answered(connection)
        for _ in range(rounds):
            started = time.perf_counter()
            await answered(connection)
            times.append(time.perf_counter() - started)
    return statistics.median(times)


async def slow_time(base: str, kind: str, connections: int, frames: int) -> float:
    """Seconds until the last of some slow answers, all asked for at once."""
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(connect(f"{base}/slow/{kind}/"))
            for _ in range(connections)
        ]
        started = time.perf_counter()
        await asyncio.gather(*(answered(connection, frames) for connection in opened))
        return time.perf_counter() - started


async def meanwhile_time(base: str) -> float:
    """Seconds an async echo takes while blocking handlers of other connections stand in line."""
    async with AsyncExitStack() as stack:
        blocking = [
            await stack.enter_async_context(connect(f"{base}/slow/sync/")) for _ in range(4)
        ]
        echo = await stack.enter_async_context(connect(f"{base}/echo/async-websocket/"))
        waiting = [asyncio.create_task(answered(connection)) for connection in blocking]
        # From the first answer on, it is certain that the other three are in line.
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        started = time.perf_counter()
        await answered(echo)
        took = time.perf_counter() - started
        await asyncio.gather(*waiting)
        return took


async def measure(base: str, rounds: int = 1000) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds for an echo by kind, and seconds for slow answers by what was asked."""
    echo = {name: 1000 * await echo_time(base, kind, rounds) for name, kind in ECHOES.items()}
    slow = {name: await slow_time(base, *asked) for name, asked in SLOW.items()}
    slow[MEANWHILE] = await meanwhile_time(base)
    return echo, slow


def table(heads: tuple[str, str], rows: dict[str, float], unit: str) -> str:
    """A Markdown table, and a line that says where it was measured."""
    lines = [f"| {heads[0]} | {heads[1]} |", "| --- | ---: |"]
    lines += [f"| {name} | {value:.2f} {unit} |" for name, value in rows.items()]
    where = (
        f"Measured on one machine, with Python {platform.python_version()}, Daphne "
        f"{version('daphne')}, Channels {version('channels')}; again by "
        f"`python -m benchmarks.consumer_times`."
    )
    return "\n".join([*lines, "", where, ""])


def read(name: str) -> dict[str, float]:
    """The figures of a table as it was committed."""
    text = (TABLES / name).read_text(encoding="utf-8")
    return {
        row: float(value) for row, value in re.findall(r"^\| (.+) \| ([\d.]+) m?s \|", text, re.M)
    }


def main() -> None:
    with daphne() as base:
        echo, slow = asyncio.run(measure(base))
    TABLES.mkdir(parents=True, exist_ok=True)
    for name, text in [
        ("echo-times.txt", table(("kind", "one echo, there and back"), echo, "ms")),
        ("slow-times.txt", table(("half a second each", "the last answer came after"), slow, "s")),
    ]:
        (TABLES / name).write_text(text, encoding="utf-8", newline="\n")
        print(text)


if __name__ == "__main__":
    main()
