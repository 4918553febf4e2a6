"""One server in production's settings, with its own database, that can lose a defence."""

import itertools
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
import websockets
from django.conf import settings

from tests.attacks import MARK, inside
from tests.conftest import LISTENING, STEP, Server
from tests.people import Talking
from tests.sockets import Closed, Real

PRODUCTION = {
    "DEBUG": "False",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "127.0.0.1,localhost,.pulse.test",
    "HTTPS": "False",  # no certificate here
    "REDIS_URL": "",  # one process, whose cache and layer the tests reach into
}
NUMBERS = itertools.count(1)
LEFT = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.sqlite3*", ".env", ".venv")


class Attacker(Talking, Real):
    """A real client of the real server."""

    async def hear(self) -> dict:
        """Whatever comes: without a defence the server says what no schema describes."""
        return json.loads(await self.receive())


class Target(Server):
    """The server under attack."""

    def __init__(self, folder, *command: str):
        super().__init__(*command, folder=folder, environment=PRODUCTION)
        self.port = int(self.wait_for(LISTENING)[1])
        self.origin = self.url("")
        self.folder = folder

    def order(self, do: str, function=None, *args):
        name = f"{function.__module__}:{function.__qualname__}" if function else ""
        file = f"answer{next(NUMBERS)}.json"
        order = {"do": do, "function": name, "args": args, "answer": file}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        self.wait_for(f"{MARK} {file}\n")
        answer = json.loads((self.folder / file).read_text(encoding="utf-8"))
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
    async def socket(self, path: str, *subprotocols: str, origin=..., host=None, **sent):
        """A WebSocket, from the server's own page unless `origin` says another (None: none).

        `host` is what the client believes to talk to; `cookie` and `headers` are sent along.
        """
        headers = {**sent.pop("headers", {})}
        if "cookie" in sent:
            headers["Cookie"] = sent.pop("cookie")
        async with websockets.connect(
            f"ws://{host}{path}" if host else self.url(path, "ws"),
            subprotocols=list(subprotocols) or None,
            origin=self.origin if origin is ... else origin,
            additional_headers=headers,
            **({"host": "127.0.0.1", "port": self.port} if host else {}),
            **sent,
            max_size=None,
        ) as connection:
            yield Attacker(connection)

    async def first_frame(self, path: str, *subprotocols: str, **options) -> dict:
        """What the server says first: who you are, or why it closes."""
        async with self.socket(path, *subprotocols, **options) as attacker:
            return await attacker.hear()

    async def refusal(self, path: str, *subprotocols: str, **options) -> tuple[int, str]:
        """The code and the reason with which the server closes at once."""
        async with self.socket(path, *subprotocols, **options) as attacker:
            frame = await attacker.hear()
            assert frame["type"] == "closing", frame
            with pytest.raises(Closed) as closed:
                await attacker.hear()
            assert closed.value.code == frame["code"]
            return frame["code"], frame["reason"]


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The server, in a copy of the step, with sam of the staff."""
    folder = tmp_path_factory.mktemp("attacked") / STEP.name
    shutil.copytree(STEP, folder, ignore=LEFT)
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DATABASE_URL", raising=False)  # a database of its own: SQLite, in there
        command = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(command, cwd=folder, env={**os.environ, **PRODUCTION}, check=True)
        listen = ["-m", "daphne", "-b", "127.0.0.1", "-p", "0"]
        server = Target(folder, *listen, "tests.attacks.server:application")
    server.call(inside.person, "sam", {"is_staff": True, "is_superuser": True})
    yield server
    server.stop()


@pytest.fixture
def someone(target) -> Callable[..., str]:
    """Make somebody whom no other test knows: `someone(is_active=False)` is their username."""

    def make(**fields) -> str:
        username = f"guest{next(NUMBERS)}"
        target.call(inside.person, username, fields)
        return username

    return make


@pytest.fixture
def browser(target):
    """A browser with a person's cookies: `async with browser("sam") as page`."""

    def open_browser(username: str) -> httpx.AsyncClient:
        csrf = "c" * 32
        cookie = f"{target.call(inside.cookie, username)}; {settings.CSRF_COOKIE_NAME}={csrf}"
        headers = {"Cookie": cookie, "X-CSRFToken": csrf}
        return httpx.AsyncClient(base_url=target.url(""), headers=headers)

    return open_browser


@pytest.fixture
def own_talk(target, someone) -> Callable[..., str]:
    """Make two people friends who talk, one of them nobody in particular if need be: the path."""

    def make(username: str, other: str | None = None) -> str:
        return f"/ws/chat/{target.call(inside.talk, username, other or someone())}/"

    return make
