"""One server in production's settings, with its own database, that can lose a defence."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import websockets

from tests.attacks.server import MARK
from tests.conftest import LISTENING, STEP, Server
from tests.people import Talking
from tests.sockets import Real

PRODUCTION = {
    "DEBUG": "False",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "127.0.0.1,localhost,.pulse.test",
    "HTTPS": "False",  # no certificate here
}
DEVELOPMENT = {**PRODUCTION, "DEBUG": "True"}  # where the demo may make its people
LEFT = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.sqlite3*", ".env", ".venv")


class Attacker(Talking, Real):
    """A real client of the real server."""


class Target(Server):
    """The server under attack."""

    def __init__(self, folder, *command: str):
        super().__init__(*command, folder=folder, environment=PRODUCTION)
        self.port = int(self.wait_for(LISTENING)[1])
        self.origin = self.url("")

    def order(self, do: str, function=None, *args):
        name = f"{function.__module__}:{function.__qualname__}" if function else ""
        since = len(self.output)
        self.process.stdin.write(json.dumps({"do": do, "function": name, "args": args}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.wait_for(rf"{MARK} (.*)\n", since=since)[1])
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def call(self, function, *args):
        """Run a function of a test module in the server's process; what it returns, as JSON."""
        return self.order("call", function, *args)

    @contextmanager
    def without(self, removal, *args):
        """While this lasts, the defence that `removal` takes away is gone.

        `removal` is a function of a test module that returns a context manager, like patch(…).
        """
        self.order("remove", removal, *args)
        try:
            yield
        finally:
            self.order("restore")

    @asynccontextmanager
    async def socket(self, path: str, *subprotocols: str, origin=..., cookie=None, headers=None):
        """A WebSocket, from the server's own page unless `origin` says another (None: none)."""
        sent = {**({"Cookie": cookie} if cookie else {}), **(headers or {})}
        async with websockets.connect(
            self.url(path, "ws"),
            subprotocols=list(subprotocols) or None,
            origin=self.origin if origin is ... else origin,
            additional_headers=sent,
            max_size=None,
        ) as connection:
            yield Attacker(connection)


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The server, in a copy of the step, with the people and the room of the demo."""
    folder = tmp_path_factory.mktemp("attacked") / STEP.name
    shutil.copytree(STEP, folder, ignore=LEFT)
    for arguments in (["migrate", "-v", "0"], ["demo"]):
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=folder, env={**os.environ, **DEVELOPMENT}, check=True)
    listen = ["-m", "daphne", "-b", "127.0.0.1", "-p", "0"]
    server = Target(folder, *listen, "tests.attacks.server:application")
    yield server
    server.stop()
