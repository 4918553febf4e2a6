"""Real servers for the tests: each listens on a port the system chose, and ends with its test."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db.models.signals import post_migrate

from tests import sockets
from tests.people import browser_of, make_user

# A machine that is busy with something else fails no test.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

STEP = Path(__file__).resolve().parent.parent
LISTENING = r"Listening on TCP address 127\.0\.0\.1:(\d+)"


class Server:
    """A server in a process of its own, and what it has written so far."""

    def __init__(self, *command: str, folder: Path = STEP, environment: dict | None = None):
        python = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        self.output = ""
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, **python, **(environment or {})},
            stdin=subprocess.PIPE,
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

    def wait_for(self, pattern: str, seconds: float = 60, since: int = 0) -> re.Match[str]:
        """The first match of `pattern` in what the server writes; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not (match := re.search(pattern, self.output[since:])):
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
        self.process.stdin.close()


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


@pytest.fixture(params=["direct", "daphne"])
def connect(request: pytest.FixtureRequest) -> Callable:
    """`async with connect(path, *subprotocols)`: what a test says is true of both ways."""
    if request.param == "direct":
        return sockets.direct
    server = request.getfixturevalue("live")
    return lambda path, *subprotocols: sockets.real(server.url(path, "ws"), *subprotocols)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup) -> None:
    """Each test empties the database: to make all permissions again would take most of the time."""
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """A hash made slow on purpose costs each test half a second."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """No limit, slot or ticket of another test, and none of its rows' ids."""
    yield
    cache.clear()
    ContentType.objects.clear_cache()


@pytest.fixture(autouse=True)
def in_one_minute(monkeypatch) -> None:
    """The counters begin anew with each minute: here none ends."""
    with suppress(ImportError):  # who writes this step as practice has no limits at first
        monkeypatch.setattr("limits.counter.time", lambda: 1_000_000.0)


@pytest.fixture
def no_limits(settings, monkeypatch) -> None:
    """For tests that say more than a person would."""
    settings.MESSAGE_BURST = settings.USER_MESSAGES_PER_MINUTE = 100_000
    settings.CONNECTS_PER_MINUTE = 100_000
    for limit in ("BAD_MESSAGES", "RENEWALS_PER_MINUTE"):
        monkeypatch.setattr(f"accounts.consumers.{limit}", 100_000, raising=False)


@pytest.fixture
def people(transactional_db) -> dict[str, User]:
    """ada, ben and cleo, and sam of the staff; each password is <name>-demo."""
    names = {name: make_user(name) for name in ("ada", "ben", "cleo")}
    return {**names, "sam": make_user("sam", is_staff=True, is_superuser=True)}


@pytest.fixture
def make_room(people) -> Callable:
    """Make a room as the page does, with ada and ben in it: `make_room("yoga")`."""

    def make(name: str = "lobby", *members: str):
        from rooms.models import Room

        browser = browser_of("ada")
        answer = browser.post("/", {"name": name})
        assert answer.status_code == 302, answer.content.decode()
        for member in members or ["ben"]:
            answer = browser.post(f"/rooms/{name}/", {"user": member})
            assert answer.status_code == 302, answer.content.decode()
        return Room.objects.get(name=name)

    return make


@pytest.fixture
def lobby(make_room):
    """A room called lobby, of ada and ben."""
    return make_room()
