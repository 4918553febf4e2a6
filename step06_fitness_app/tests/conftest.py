"""Real servers for the tests: each listens on a port the system chose, and ends with its test."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from asgiref.sync import SyncToAsync, async_to_sync, sync_to_async
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.contrib.auth.models import User
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import connection, connections
from django.db.models.signals import post_migrate

from tests import sockets
from tests.people import befriend, make_user
from tests.talking import start

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


@pytest.fixture
def beside(transactional_db) -> Iterator[Callable[..., Server]]:
    """Start a process that shares this test's database: `beside("manage.py", "demo")`."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        url = f"sqlite:///{name}?transaction_mode=IMMEDIATE&timeout=10"
    else:
        url = re.sub("[^/]+$", name, os.environ["DATABASE_URL"])
    started: list[Server] = []

    def start(*command: str) -> Server:
        started.append(Server(*command, environment={"DATABASE_URL": url}))
        return started[-1]

    yield start
    for process in started:
        process.stop()


def serve(beside: Callable[..., Server], port: int = 0) -> Server:
    """Start Daphne on this test's database."""
    address = ["-b", "127.0.0.1", "-p", str(port)]
    server = beside("-m", "daphne", *address, "config.asgi:application")
    server.port = int(server.wait_for(LISTENING)[1])
    return server


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup) -> Iterator[None]:
    """Each test empties the database: to make all permissions again would take most of the time.

    A bare `await user.asave()` leaves its thread with a connection, and PostgreSQL drops no
    database that somebody is connected to.
    """
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
async def idle_thread() -> AsyncIterator[None]:
    """What a test left to do in the database's thread is done before its event loop ends.

    Else what that publishes on commit waits for the loop for ever, and all tests after it, and the
    end of the run, for the one thread.
    """
    yield
    await sync_to_async(str)()  # in that thread, and for who may not touch the database too


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """A hash made slow on purpose costs each test half a second."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def groups_end_at_once(monkeypatch) -> None:
    """So that a test sees who is in none. Its own tests have the hub linger."""
    monkeypatch.setattr("realtime.hub.LINGER", 0)


@pytest.fixture(autouse=True)
def nothing_of_another_test() -> Iterator[None]:
    """No limit, slot or ticket of another test, none of its rows' ids, and none of its groups.

    The layer in memory looks at all groups whenever anything is sent: 5,000 left make it slow.
    """
    yield
    cache.clear()
    ContentType.objects.clear_cache()
    if isinstance(layer := get_channel_layer(), InMemoryChannelLayer):
        async_to_sync(layer.flush)()


@pytest.fixture(autouse=True)
def in_one_minute(monkeypatch) -> None:
    """The counters begin anew with each minute: here none ends."""
    monkeypatch.setattr("realtime.limits.time", lambda: 1_000_000.0)


@pytest.fixture
def no_limits(settings, monkeypatch) -> None:
    """For tests that say more than a person would."""
    monkeypatch.setattr("realtime.consumers.BAD_MESSAGES", 100_000)
    monkeypatch.setattr("realtime.rights.RENEWALS_PER_MINUTE", 100_000)
    settings.MESSAGE_BURST = settings.USER_MESSAGES_PER_MINUTE = 100_000
    settings.CONNECTS_PER_MINUTE = 100_000


@pytest.fixture
def people(transactional_db) -> dict[str, User]:
    """ada, ben, cleo and others, each password is <name>-demo, and what they are to ada.

    ben is her friend, tom her trainer, dora blocked by her, cleo a stranger, sam of the staff.
    """
    from people.models import Block, Profile, Role

    names = {name: make_user(name) for name in ("ada", "ben", "cleo", "dora", "tom")}
    names["sam"] = make_user("sam", is_staff=True, is_superuser=True)
    ada = names["ada"]
    befriend(ada, names["ben"])
    Profile.objects.filter(user=names["tom"]).update(role=Role.TRAINER)
    Profile.objects.filter(user=ada).update(trainer=names["tom"])
    Block.objects.create(blocker=ada, blocked=names["dora"])
    return names


@pytest.fixture
def talk(people) -> int:
    """The id of Ada's and Ben's conversation."""
    return start("ada", "ben")
