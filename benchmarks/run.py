"""Measure step 06 against the official tutorial's consumer and a raw ASGI broadcast.

    python3 -m benchmarks.run [--server daphne|uvicorn] [--quick] [--json FILE]

Every figure of a table comes from one run, on one machine: only the ratios travel.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from benchmarks.client import Crowd, connect, connect_many

ROOT = Path(__file__).resolve().parent.parent
TEXT = "x" * 40
USERS = 200
# name → application, and the environment it runs in
VARIANTS = {
    "tutorial": ("tutorial", {}),
    "plain token": ("plain_token", {}),
    "raw ASGI": ("raw", {}),
    "step 06": ("pulse", {}),
    "step 06, hub": ("pulse", {"HUB": "1"}),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def process(argv: list[str], **options):
    """A process that ends with the block."""
    running = subprocess.Popen(argv, **options)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def workplace():
    """A copy of step 06 with its own database and users, and a Redis; yields the environment."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "step06_fitness_app")
        ignore = shutil.ignore_patterns("*.sqlite3*", "__pycache__", ".env", "tests")
        shutil.copytree(ROOT / "step06_fitness_app", folder, ignore=ignore)
        port = free_port()
        redis = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "ACCESS_TOKEN_SECONDS": "86400",
            "CONNECTIONS_PER_USER": "1000000",
            "CONNECTS_PER_MINUTE": "1000000",
            "USER_MESSAGES_PER_MINUTE": "100000000",
        }
        with process(redis, stdout=subprocess.DEVNULL):
            options = {"cwd": folder, "env": environment, "check": True}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], **options)
            code = (
                "from accounts.api import *; from accounts import services; import json\n"
                "from django.contrib.auth.models import User\n"
                "from rest_framework_simplejwt.tokens import RefreshToken\n"
                f"users = [User.objects.create(username=f'u{{i}}') for i in range({USERS})]\n"
                "def token(user):\n"
                "    made = ObtainSerializer.get_token(user)\n"
                "    return str(made.access_token)\n"
                "print(json.dumps([token(user) for user in users]))"
            )
            made = subprocess.run(
                [sys.executable, "manage.py", "shell", "-v0", "-c", code],
                capture_output=True, text=True, **options,
            )
            yield folder, environment, json.loads(made.stdout.splitlines()[-1])


@contextmanager
def serve(server: str, application: str, folder: Path, environment: dict):
    """The application behind Daphne or uvicorn; yields the port and the process."""
    port = free_port()
    target = f"benchmarks.apps:{application}"
    argv = {
        "daphne": ["-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), target],
        "uvicorn": ["-m", "uvicorn", "--loop", "uvloop", "--log-level", "warning", "--port",
                    str(port), target],
    }[server]
    log = open(folder / "server.log", "w")  # noqa: SIM115  kept with the workplace
    options = {"cwd": folder, "env": environment, "stdout": log, "stderr": log}
    with log, process([sys.executable, *argv], **options) as running:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if running.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{server} did not start")
                time.sleep(0.05)
        yield port, running


def frame(kind: str) -> str:
    return json.dumps({"type": kind, "message": TEXT}, separators=(",", ":"))


async def fan_out(port: int, tokens: list[str], members: int, seconds: float) -> float:
    """Deliveries a second in a room of so many, one message in flight."""
    crowd = Crowd()
    sockets = await connect_many(members, port, "/ws/bench/room/", crowd, tokens)
    await settled(sockets[0], crowd)
    size = await size_of_frame(sockets, crowd)
    rounds, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        target = crowd.received + members * size
        sockets[0].send(frame("say"))
        await crowd.until(target)
        rounds += 1
    rate = rounds * members / (time.perf_counter() - begun)
    await asyncio.gather(*(one.close() for one in sockets))
    return rate


async def settled(one, crowd: Crowd) -> None:
    """All are in the room: they have sent what they send first."""
    await crowd.until_quiet(0.3)


async def size_of_frame(sockets, crowd: Crowd) -> int:
    before = [one.received for one in sockets]
    sockets[0].send(frame("say"))
    await crowd.until_quiet(0.4)
    sizes = {one.received - was for one, was in zip(sockets, before, strict=True)}
    assert len(sizes) == 1 and sizes != {0}, f"not all have got it: {sizes}"
    return sizes.pop()


async def echo(port: int, tokens: list[str], clients: int, seconds: float) -> float:
    """Echoes a second of so many clients, each with one in flight."""
    async def one(index: int) -> int:
        crowd = Crowd()
        token = tokens[index % len(tokens)]
        me = await connect(port, f"/ws/bench/{index}/", crowd, token)
        await crowd.until_quiet(0.2)
        me.send(frame("echo"))
        await crowd.until(crowd.received + 1)
        await crowd.until_quiet(0.2)
        before, size = crowd.received, crowd.received
        me.send(frame("echo"))
        await crowd.until(before + 1)
        size, done = crowd.received - before, 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            me.send(frame("echo"))
            await crowd.until(before + size * (done + 2))
            done += 1
        await me.close()
        return done

    return sum(await asyncio.gather(*map(one, range(clients)))) / seconds


async def burst(port: int, tokens: list[str], members: int, messages: int) -> float:
    """The share of deliveries lost of so many messages sent without waiting."""
    crowd = Crowd()
    sockets = await connect_many(members, port, "/ws/bench/room/", crowd, tokens)
    await crowd.until_quiet(0.3)
    size = await size_of_frame(sockets, crowd)
    before = crowd.received
    for _ in range(messages):
        sockets[0].send(frame("say"))
    await crowd.until_quiet(2)
    lost = 1 - (crowd.received - before) / (size * members * messages)
    await asyncio.gather(*(one.close() for one in sockets))
    return lost


async def latency(port: int, tokens: list[str], members: int, rate: float, seconds: float):
    """Milliseconds from sending to receiving: the median and the 99th percentile."""
    crowd = Crowd()
    sockets = await connect_many(members, port, "/ws/bench/room/", crowd, tokens)
    await crowd.until_quiet(0.3)
    for one in sockets:
        one.times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        text = str(time.perf_counter_ns()).rjust(24, "0")
        sockets[0].send(json.dumps({"type": "say", "message": text}))
        await asyncio.sleep(1 / rate)
    await crowd.until_quiet(0.5)
    found = [
        (at - int(sent)) / 1e6
        for one in sockets
        for at, data in one.times
        for sent in re.findall(rb"\d{24}", data)
    ]
    await asyncio.gather(*(one.close() for one in sockets))
    found.sort()
    return statistics.median(found), found[int(len(found) * 0.99)]


async def handshakes(port: int, tokens: list[str], seconds: float) -> float:
    """Connections a second, each opened, accepted and closed; ten at once."""
    done, end = 0, time.perf_counter() + seconds

    async def one(index: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            me = await connect(port, f"/ws/bench/h{index}/", Crowd(), tokens[index])
            done += 1
            await me.close()

    await asyncio.gather(*map(one, range(10)))
    return done / seconds


async def memory(port: int, tokens: list[str], server, connections: int) -> float:
    """KB of the server's resident memory for each idle connection."""
    crowd = Crowd()
    warm = await connect_many(50, port, "/ws/bench/warm/", crowd, tokens)
    await crowd.until_quiet(0.5)
    before = resident(server.pid)
    sockets = await connect_many(connections, port, "/ws/bench/idle/", crowd, tokens)
    await crowd.until_quiet(0.5)
    grown = resident(server.pid) - before
    await asyncio.gather(*(one.close() for one in [*warm, *sockets]))
    return grown / connections


def resident(pid: int) -> int:
    """Kilobytes; from /proc, so on Linux only."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


async def idle_neighbours(port: int, tokens: list[str], number: int, seconds: float):
    """Fan-out to 100 without and with so many idle sockets in other rooms of the process."""
    without = await fan_out(port, tokens, 100, seconds)
    crowd = Crowd()
    idle = await connect_many(number, port, "/ws/bench/idle/", crowd, tokens)
    await crowd.until_quiet(0.5)
    with_them = await fan_out(port, tokens, 100, seconds)
    await asyncio.gather(*(one.close() for one in idle))
    return with_them / without


# Each figure of one variant: (port, tokens, server, seconds) → number. Memory first: it grows.
FIGURES = {
    "KB an idle connection": lambda p, t, server, s: memory(p, t, server, 1000),
    "handshakes a second": lambda p, t, _, s: handshakes(p, t, s),
    "fan-out to 10": lambda p, t, _, s: fan_out(p, t, 10, s),
    "fan-out to 100": lambda p, t, _, s: fan_out(p, t, 100, s),
    "fan-out to 1,000": lambda p, t, _, s: fan_out(p, t, 1000, s),
    "echo, 1 client": lambda p, t, _, s: echo(p, t, 1, s),
    "echo, 100 clients": lambda p, t, _, s: echo(p, t, 100, s),
    "ms at 100 × 30/s: p50, p99": lambda p, t, _, s: latency(p, t, 100, 30, 2 * s),
    "lost of a burst of 1,000 to 100": lambda p, t, _, s: burst(p, t, 100, 1000),
    "fan-out to 100 beside 2,000 idle": lambda p, t, _, s: idle_neighbours(p, t, 2000, s),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", choices=["daphne", "uvicorn"], default="daphne")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure")
    parser.add_argument("--only", nargs="*", help="variants", choices=VARIANTS, default=None)
    parser.add_argument("--figures", nargs="*", help="parts of their names")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    found = {}
    with workplace() as (folder, environment, tokens):
        for name, (application, extra) in VARIANTS.items():
            if options.only and name not in options.only:
                continue
            with serve(options.server, application, folder, environment | extra) as (port, server):
                found[name] = {}
                for figure, measure in FIGURES.items():
                    if options.figures and not any(part in figure for part in options.figures):
                        continue
                    value = asyncio.run(measure(port, tokens, server, options.seconds))
                    found[name][figure] = value
                    print(f"{name:14} {figure:32} {value}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
