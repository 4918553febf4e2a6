"""Measure step 06 against the official tutorial's consumer and a raw ASGI broadcast.

    python3 -m course bench        # both servers, into docs/assets/measured/step06.json
    python3 -m benchmarks.run --servers daphne --rounds 1 --figures "to 100" handshakes

All variants run side by side, and each figure is taken from one after the other, round by round:
what else the machine does then hits all alike. Reported is the best round, and beside each rate
what the server itself computed for it, which a busy machine changes less. Only ratios travel.
"""

import argparse
import asyncio
import gc
import json
import os
import platform
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.client import Crowd, connect, connect_many

ROOT = Path(__file__).resolve().parent.parent
TEXT = "x" * 40
USERS = 200
# As in production: in development Django would keep each query, and its own account of it.
PRODUCTION = {
    "SECRET_KEY": "a key for measuring, of more than 32 bytes",
    "ALLOWED_HOSTS": "127.0.0.1",
    "HTTPS": "False",
}
NO_LIMITS = {
    "ACCESS_TOKEN_SECONDS": "86400",
    "CONNECTIONS_PER_USER": "1000000",
    "CONNECTS_PER_MINUTE": "1000000",
    "USER_MESSAGES_PER_MINUTE": "100000000",
    "MESSAGES_PER_SECOND": "1000000",
    "MESSAGE_BURST": "1000000",
}
# Django's own settings for a database: a connection for each query, SQLite's own journal.
PLAIN = {"DATABASE_URL": "sqlite:///plain.sqlite3"}
IN_MEMORY = {"REDIS_URL": ""}  # the layer that a project has before it has a Redis
HUB = {"HUB": "1"}
OURS = "step 06, hub"
PROCESSES = (1, 2, 4)
# name → application, and the environment it runs in
VARIANTS = {
    "tutorial": ("benchmarks.apps:tutorial", PLAIN | IN_MEMORY),
    "tutorial, Pub/Sub": ("benchmarks.apps:tutorial", PLAIN),
    "plain token": ("benchmarks.apps:plain_token", PLAIN),
    "raw ASGI": ("benchmarks.apps:raw", PLAIN),
    "step 06": ("benchmarks.pulse:application", {}),
    OURS: ("benchmarks.pulse:application", HUB),
    "save each": ("benchmarks.apps:saving", PLAIN),
    "step 06's chat": ("config.asgi:application", HUB),
}
CHATS = ("save each", "step 06's chat")
SAMPLES = """
import json
from django.contrib.auth.models import User
from django.utils import timezone
from accounts.api import ObtainSerializer
from chat.models import Conversation
from people.models import Friendship
users = [User.objects.create(username=f"u{number}") for number in range(%d)]
for first, second in zip(users[::2], users[1::2]):
    Friendship.objects.create(
        first=first, second=second, asked_by=first, accepted_at=timezone.now()
    )
    Conversation.objects.create(first=first, second=second)
print(json.dumps([str(ObtainSerializer.get_token(user).access_token) for user in users]))
"""


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def workplace():
    """A copy of step 06 with users in its databases, and a Redis; yields environment and tokens."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "step06_fitness_app")
        ignore = shutil.ignore_patterns("*.sqlite3*", "__pycache__", ".env", "tests")
        shutil.copytree(ROOT / "step06_fitness_app", folder, ignore=ignore)
        port = free_port()
        environment = {
            **os.environ,
            **PRODUCTION,
            **NO_LIMITS,
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
        }
        redis = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
        with process(redis, stdout=subprocess.DEVNULL):
            options = {"cwd": folder, "env": environment | PLAIN, "check": True}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], **options)
            made = subprocess.run(
                [sys.executable, "manage.py", "shell", "-v0", "-c", SAMPLES % USERS],
                stdout=subprocess.PIPE,
                text=True,
                **options,
            )
            shutil.copy(folder / "plain.sqlite3", folder / "db.sqlite3")
            yield folder, environment, json.loads(made.stdout.splitlines()[-1])


@contextmanager
def serve(server: str, target: str, folder: Path, environment: dict):
    """The application behind Daphne or uvicorn; yields the port and the process."""
    port = free_port()
    argv = {
        "daphne": ["-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), target],
        "uvicorn": ["-m", "uvicorn", "--loop", "uvloop", "--log-level", "warning"]
        + ["--port", str(port), target],
    }[server]
    with (
        open(folder / f"{port}.log", "w") as log,
        process(
            [sys.executable, *argv], cwd=folder, env=environment, stdout=log, stderr=log
        ) as running,
    ):
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if running.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{server} did not start:\n{Path(log.name).read_text()}")
                time.sleep(0.05)
        yield port, running


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
    for one in sockets:  # whose echo is back has come in
        heard = one.hear(TEXT.encode())
        one.send(frame("echo"))
        await asyncio.wait_for(heard, 20)
    await crowd.until_quiet(0.4)
    before = [one.received for one in sockets]
    last = sockets[-1].hear(TEXT.encode())
    sockets[0].send(frame("say"))
    await asyncio.wait_for(last, 20)
    await crowd.until_quiet(0.4)
    sizes = {one.received - was for one, was in zip(sockets, before, strict=True)}
    assert len(sizes) == 1 and sizes != {0}, f"not all have got it: {sizes}"
    return crowd, sockets, sizes.pop()


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
    """Connections opened, a first message answered, and closed; ten at once.

    Accepted is not enough: a server may accept first and look then, which step 06 does.
    """
    [port], tokens, pids = server
    with Meter(pids) as meter:
        until = time.perf_counter() + seconds

        async def one(index: int) -> None:
            while time.perf_counter() < until:
                me = await connect(port, f"/ws/bench/h{index}/", Crowd(), tokens[index])
                answered = me.hear(b"first")
                me.send('{"type":"echo","message":"first"}')
                await answered
                meter.units += 1
                await me.close()

        await asyncio.gather(*map(one, range(10)))
    return meter.figure


async def memory(server, connections: int) -> dict:
    """Resident memory for each idle connection."""
    ports, tokens, pids = server
    crowd = Crowd()
    warm = await connect_many(100, ports, "/ws/bench/warm/", crowd, tokens)
    await crowd.until_quiet(0.5)
    before = resident(pids)
    sockets = await connect_many(connections, ports, "/ws/bench/idle/", crowd, tokens)
    await crowd.until_quiet(0.5)
    grown = resident(pids) - before
    await end([*warm, *sockets])
    return {"kb": grown / connections}


async def idle_neighbours(server, seconds: float, number: int) -> dict:
    """What a delivery costs beside so many idle sockets in other rooms, against without them."""
    without = await fan_out(server, seconds, 100)
    crowd = Crowd()
    idle = await connect_many(number, server.ports, "/ws/bench/idle/", crowd, server.tokens)
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
    await asyncio.sleep(0.5)
    with Meter(pids) as meter:
        until = time.perf_counter() + seconds

        async def one(me) -> None:
            while time.perf_counter() < until:
                acknowledged = me.hear(b'"ack"')
                me.send(frame("chat_message"))
                async with asyncio.timeout(20):
                    await acknowledged
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
ONCE = ("memory", "burst", "overload", "beside 2,000 idle")  # not in every round
CAPACITY = "fan-out to 100"


def measure(server: str, options) -> dict[str, dict[str, dict[str, float]]]:
    """figure → variant → the best of each number, on one server."""
    found: dict[str, dict[str, list[dict]]] = {}
    with workplace() as (folder, environment, tokens), ExitStack() as running:
        servers = {}
        for name, (target, extra) in VARIANTS.items():
            if options.only and name not in options.only:
                continue
            serving = serve(server, target, folder, environment | extra)
            port, started = running.enter_context(serving)
            servers[name] = Target([port], tokens, [started.pid])
        for number in range(options.rounds):
            for figure, take in FIGURES.items():
                if not any(part in figure for part in options.figures or [""]):
                    continue
                if number and figure in ONCE:
                    continue
                for name in servers:
                    if (name in CHATS) != (figure == "stored"):
                        continue
                    known = found.get(CAPACITY, {}).get("tutorial", [{"a_second": 6000}])
                    capacity = statistics.median(each["a_second"] for each in known) / 100
                    value = asyncio.run(take(servers[name], options.seconds, capacity))
                    found.setdefault(figure, {}).setdefault(name, []).append(value)
                    shown = " ".join(f"{key}={number:.4g}" for key, number in value.items())
                    print(f"{server} {name:15} {figure:18} {shown}", flush=True)
        if not options.figures or "processes" in options.figures:
            found["processes"] = processes(server, options, folder, environment, tokens)
    return {
        figure: {name: best(values) for name, values in variants.items()}
        for figure, variants in found.items()
    }


def processes(server, options, folder, environment, tokens) -> dict[str, list[dict]]:
    """How many processes → deliveries in a room of 1,000 that is spread over them.

    They share the Redis and, here, the cores: what travels is the time that all of them together
    compute for a delivery. Where it stays, each core of its own adds as much as the first one has.
    """
    target, extra = VARIANTS[OURS]
    found = {}
    for number in PROCESSES:
        with ExitStack() as running:
            serving = [
                running.enter_context(serve(server, target, folder, environment | extra))
                for _ in range(number)
            ]
            ports, started = zip(*serving, strict=True)
            many = Target(list(ports), tokens, [each.pid for each in started])
            values = [
                asyncio.run(fan_out(many, options.seconds, 1000)) for _ in range(options.rounds)
            ]
        print(f"{server} {number} processes: {best(values)}", flush=True)
        found[str(number)] = values
    return found


def made_with(options) -> dict[str, str]:
    names = ("Django", "channels", "channels-redis", "daphne", "uvicorn", "uvloop")
    return {
        "python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "rounds": str(options.rounds),
        "seconds": f"{options.seconds:g}",
        **{name: version(name) for name in names},
    }


def best(values: list[dict[str, float]]) -> dict[str, float]:
    """Of several rounds: what else the machine does only adds. Of what was lost, the most."""
    choose = {"a_second": max, "lost": max}
    return {key: choose.get(key, min)(each[key] for each in values) for key in values[0]}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", nargs="*", default=["daphne", "uvicorn"])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="variants", choices=VARIANTS, default=None)
    parser.add_argument("--figures", nargs="*", help="parts of their names")
    parser.add_argument("--json", type=Path, help="where to write the best of each")
    options = parser.parse_args(argv)
    gc.disable()  # the pauses of the clients are not the servers'
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # 2,000 sockets, and at the server
    found = {server: measure(server, options) for server in options.servers}
    if options.json:
        report = {"with": made_with(options), **found}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
