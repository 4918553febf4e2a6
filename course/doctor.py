"""`doctor`: is this machine ready for the course? One line for each thing that must hold."""

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from course.docs_server import TOLD
from course.install import NEWEST_TESTED
from course.needs import NEEDS
from course.serve import Serving, is_taken
from course.steps import BY_RUNNING, COMMAND, ROOT, step

LOCK = ROOT / "requirements.txt"
ROOM = 200  # megabytes: databases, the built docs, a folder of one's own
SECONDS = 30  # for a step to start, and to answer
Check = tuple[bool | None, str]  # holds, or not, or not needed; and one line that says so


def examine(docs_port: int, step_port: int) -> bool:
    """Print a line for each check; whether all that is needed holds."""
    marks = {True: "ok  ", False: "FAIL", None: "-   "}
    checks = [python(), packages(), room(), ports(docs_port, step_port), proxy(), echo(), redis()]
    well = True
    for check in checks:
        for holds, line in check:
            print(f"{marks[holds]}  {line}", flush=True)
            well = well and holds is not False
    return well


def python() -> Iterator[Check]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] > NEWEST_TESTED:
        yield None, f"Python {found} is newer than what the course was tested with: it may work"
    else:
        yield True, f"Python {found}"


def packages() -> Iterator[Check]:
    """What the lock lists for this system is here, in that version."""
    lines = (line.rstrip(" \\") for line in LOCK.read_text(encoding="utf-8").splitlines())
    wanted = [Requirement(line) for line in lines if "==" in line and line[0].isalnum()]
    wanted = [each for each in wanted if not each.marker or each.marker.evaluate()]
    wrong = [each.name for each in wanted if not is_there(each)]
    if wrong:
        names = ", ".join(wrong[:3]) + (" …" if len(wrong) > 3 else "")
        yield False, f"not as {LOCK.name} lists them: {names}; delete .venv, and start again"
    else:
        yield True, f"{len(wanted)} packages, as {LOCK.name} lists them"


def is_there(wanted: Requirement) -> bool:
    try:
        return metadata.version(wanted.name) in wanted.specifier
    except metadata.PackageNotFoundError:
        return False


def room() -> Iterator[Check]:
    free = shutil.disk_usage(ROOT).free // 2**20
    yield free >= ROOM, f"{free:,} MB free on this disk (the course makes about {ROOM})"


def ports(docs_port: int, step_port: int) -> Iterator[Check]:
    serving = Serving(docs_port, step_port, [])
    taken = [port for port in serving.ports.values() if is_taken(port)]
    if is_ours(docs_port):
        yield True, f"`serve` is running: http://127.0.0.1:{docs_port}/"
    elif taken:
        numbers = ", ".join(map(str, taken))
        remedy = f"stop what is there (another `serve`?), or {COMMAND} serve {serving.moved()}"
        yield False, f"taken: port {numbers}; {remedy}"
    else:
        numbers = sorted(serving.ports.values())
        yield True, f"ports {', '.join(map(str, numbers))} are free"


def is_ours(port: int) -> bool:
    """Whether the docs of the course answer on a port."""
    with suppress(OSError, HTTPException):
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://127.0.0.1:{port}/", timeout=5) as page:
            return TOLD.encode() in page.read()
    return False


def proxy() -> Iterator[Check]:
    proxies = urllib.request.getproxies()
    if not {"http", "https", "all"} & set(proxies):
        yield True, "no proxy is set"
    elif urllib.request.proxy_bypass("127.0.0.1"):
        yield True, "a proxy is set, but not for 127.0.0.1"
    else:
        yield False, "a proxy is set for 127.0.0.1 too: NO_PROXY=127.0.0.1,localhost"


def echo() -> Iterator[Check]:
    """Step 03 itself, for a moment: what comes back from it is what a page would get."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "step03_consumers")
        shutil.copytree(step(3).path, folder, ignore=shutil.ignore_patterns(*BY_RUNNING))
        argv = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port)]
        with open(Path(scratch, "log"), "w+", encoding="utf-8") as log:
            options = {"cwd": folder, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            server = subprocess.Popen([*argv, "config.asgi:application"], **options)
            try:
                asyncio.run(asyncio.wait_for(say_hi(port, server), SECONDS))
                yield True, "a socket opens here, and what is sent comes back"
            except TimeoutError:
                yield False, f"no socket: nothing came back within {SECONDS} s"
            except ServerEnded:
                log.seek(0)
                yield False, f"no socket: {log.read().strip().splitlines()[-1]}"
            except (OSError, WebSocketException) as problem:
                yield False, f"no socket: {problem}"
            finally:
                server.terminate()
                server.wait()


class ServerEnded(Exception):
    """The server has ended; its log says why."""


async def say_hi(port: int, server: subprocess.Popen) -> None:
    """Raises ServerEnded if the server has ended, OSError or WebSocketException otherwise."""
    while server.poll() is None:
        try:
            async with connect(f"ws://127.0.0.1:{port}/ws/echo/async-websocket/", proxy=None) as it:
                await it.send("hi")
                if (heard := await it.recv()) != "hi":
                    raise WebSocketException(f"hi was sent, and {heard!r} came back")
                return
        except OSError:
            await asyncio.sleep(0.1)  # not yet there
    raise ServerEnded


def redis() -> Iterator[Check]:
    if NEEDS["redis"].missing():
        yield None, "no redis-server: only part D of step 04 wants one"
    else:
        yield True, "redis-server, for part D of step 04"
