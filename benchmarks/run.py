"""Measure step 06 against the official tutorial's consumer and a raw ASGI broadcast.

    python3 -m course bench        # both servers, into docs/assets/measured/step06.json
    python3 -m benchmarks.run --servers daphne --rounds 1 --figures "to 100" handshakes

All variants run side by side, on both servers, and each figure is taken from one after the other,
round by round: one turn of each is compared with the turns beside it, so that what else the machine
does hits all alike. Beside each rate stands what the server itself computed for it, which a busy
machine changes less. Only ratios travel.
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
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import FIGURES, Target, fan_out

ROOT = Path(__file__).resolve().parent.parent
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
# name → application, and the environment it runs in; what is compared most stands side by side
VARIANTS = {
    "tutorial, Pub/Sub": ("benchmarks.apps:tutorial", PLAIN),
    "tutorial": ("benchmarks.apps:tutorial", PLAIN | IN_MEMORY),
    OURS: ("benchmarks.pulse:application", HUB),
    "plain token": ("benchmarks.apps:plain_token", PLAIN),
    "raw ASGI": ("benchmarks.apps:raw", PLAIN),
    "step 06": ("benchmarks.pulse:application", {}),
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


ONCE = ("memory", "burst", "overload")  # not in every round
TURNS = {"handshakes": 4}  # in each: nothing is set up for them, and they vary most
CAPACITY = "fan-out to 100"
Found = dict[str, dict[str, dict[str, list[float]]]]


def takes_part(name: str, figure: str) -> bool:
    """Whether a variant is measured by a figure."""
    if name == "plain token":
        return figure == "handshakes"
    return (name in CHATS) == (figure == "stored")


def measure(servers: list[str], options) -> dict[str, Found]:
    """server → figure → variant → each number, turn by turn: the turns of one place are a pair."""
    found = {server: defaultdict(dict) for server in servers}
    with workplace() as (folder, environment, tokens):
        with ExitStack() as running:
            targets = {}
            for name, (target, extra) in VARIANTS.items():
                for server in servers if name in (options.only or VARIANTS) else ():
                    serving = serve(server, target, folder, environment | extra)
                    port, started = running.enter_context(serving)
                    targets[server, name] = Target([port], tokens, [started.pid])
            for number in range(options.rounds):
                for figure, take in FIGURES.items():
                    if not any(part in figure for part in options.figures or [""]):
                        continue
                    if number and figure in ONCE:
                        continue
                    for server, name in [*targets] * TURNS.get(figure, 1):
                        if takes_part(name, figure):
                            capacity = capacity_of(found[server])
                            taking = take(targets[server, name], options.seconds, capacity)
                            note(found[server][figure], name, asyncio.run(taking))
                            show(server, name, figure, found[server][figure][name])
        if not options.figures or "processes" in options.figures:
            processes(found, options, folder, environment, tokens)
    return found


def capacity_of(found: Found) -> float:
    """Messages a second to 100 that the tutorial delivers, as far as it is known."""
    known = found.get(CAPACITY, {}).get("tutorial", {"a_second": [6000]})
    return statistics.median(known["a_second"]) / 100


def note(variants: dict[str, dict[str, list[float]]], name: str, turn: dict[str, float]) -> None:
    """Add what one turn has found, in four digits."""
    for key, value in turn.items():
        variants.setdefault(name, {}).setdefault(key, []).append(float(f"{value:.4g}"))


def show(server: str, name: str, figure: str, numbers: dict[str, list[float]]) -> None:
    """The last turn, for whoever watches."""
    shown = " ".join(f"{key}={values[-1]:g}" for key, values in numbers.items())
    print(f"{server} {name:17} {figure:18} {shown}", flush=True)


def processes(found: dict[str, Found], options, folder, environment, tokens) -> None:
    """Add the figure "processes": deliveries in a room of 1,000 that is spread over so many.

    They share the Redis and, here, the cores: what travels is the time that all of them together
    compute for a delivery. Where it stays, each core of its own adds as much as the first one has.
    """
    target, extra = VARIANTS[OURS]
    with ExitStack() as running:
        crowds = {}
        for number in PROCESSES:
            for server in found:
                serving = [
                    running.enter_context(serve(server, target, folder, environment | extra))
                    for _ in range(number)
                ]
                ports, started = zip(*serving, strict=True)
                crowds[server, str(number)] = list(ports), [each.pid for each in started]
        for _ in range(options.rounds):
            for (server, number), (ports, pids) in crowds.items():
                turn = asyncio.run(fan_out(Target(ports, tokens, pids), options.seconds, 1000))
                note(found[server]["processes"], number, turn)
                show(server, number, "processes", found[server]["processes"][number])


def made_with(options) -> dict[str, str]:
    names = ("Django", "channels", "channels-redis", "daphne", "uvicorn", "uvloop")
    return {
        "python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "rounds": str(options.rounds),
        "seconds": f"{options.seconds:g}",
        **{name: version(name) for name in names},
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", nargs="*", default=["daphne", "uvicorn"])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="variants", choices=VARIANTS, default=None)
    parser.add_argument("--figures", nargs="*", help="parts of their names")
    parser.add_argument("--json", type=Path, help="where to write every turn")
    options = parser.parse_args(argv)
    gc.disable()  # the pauses of the clients are not the servers'
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # 2,000 sockets, and at the server
    found = measure(options.servers, options)
    if options.json:
        report = {"with": made_with(options), **found}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report, indent=1)
        text = re.sub(r"\[[^]]*\]", lambda turns: "".join(turns[0].split()), text)  # in one line
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
