"""Real servers for the tests: each listens on a port the system chose, and ends with its test."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import sockets

STEP = Path(__file__).resolve().parent.parent
LISTENING = r"Listening on TCP address 127\.0\.0\.1:(\d+)"


class Server:
    """A server in a process of its own, and what it has written so far."""

    def __init__(self, *command: str):
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        self.output = ""
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=STEP,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = 0

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._news:
                self.output += line
                self._news.notify_all()

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """The first match of `pattern` in what the server writes; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not (match := re.search(pattern, self.output)):
                if not self._news.wait(deadline - time.monotonic()):
                    pytest.fail(f"the server did not write {pattern!r} but:\n{self.output}")
        return match

    def url(self, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        """Ask the process to end; kill it if it will not."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reader.join(10)
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture
def daphne() -> Iterator[Callable[..., Server]]:
    """Start Daphne: `daphne("--websocket_connect_timeout", "1", application="…")`."""
    servers: list[Server] = []

    def start(*options: str, application: str = "config.asgi:application") -> Server:
        server = Server("-m", "daphne", "-b", "127.0.0.1", "-p", "0", *options, application)
        servers.append(server)
        server.port = int(server.wait_for(LISTENING)[1])
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def live() -> Iterator[Server]:
    """One Daphne for all tests that only talk to it."""
    server = Server("-m", "daphne", "-b", "127.0.0.1", "-p", "0", "config.asgi:application")
    server.port = int(server.wait_for(LISTENING)[1])
    yield server
    server.stop()


# --8<-- [start:connect]
@pytest.fixture(params=["direct", "daphne"])
def connect(request: pytest.FixtureRequest) -> Callable:
    """`async with connect(path, *subprotocols)`: what a test says is true of both ways."""
    if request.param == "direct":
        return sockets.direct
    server = request.getfixturevalue("live")
    return lambda path, *subprotocols: sockets.real(server.url(path, "ws"), *subprotocols)


# --8<-- [end:connect]
