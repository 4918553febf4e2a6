"""A copy of the step, the servers beside it, and people who are connected to them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import websockets
from conftest import NOT_COPIED, ROOT, Server, start_daphne
from servers import (  # noqa: F401  fixtures
    manage,
    new_postgres,
    postgres_server,
    redis,
    redis_server,
    shared_redis,
)

STEP = ROOT / "step06_fitness_app"
SECONDS = 30  # no test waits longer for a frame
LIMITS = {
    "CONNECTIONS_PER_USER": "6",
    "USER_MESSAGES_PER_MINUTE": "60",
    "MESSAGES_PER_SECOND": "100",
    "MESSAGE_BURST": "200",
}

# The people of the attacks' scenes, each with a cookie, and what the owner has with a friend.
MAKE = """
import json
from chat.services import start
from tests.attacks import inside, scenes

def circle():
    them = scenes.circle()
    challenge = scenes.challenge(them["owner"], is_public=True)
    return {
        "names": {name: user.username for name, user in them.items()},
        "ids": {name: user.pk for name, user in them.items()},
        "cookies": {name: inside.cookie(user.username) for name, user in them.items()},
        "talk": start(them["owner"], them["friend"]).pk,
        "challenge": challenge,
    }

print(json.dumps([circle() for _ in range(20)]))
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the step, as it is cloned."""
    copy = tmp_path_factory.mktemp("step06") / STEP.name
    return shutil.copytree(STEP, copy, ignore=NOT_COPIED)


def shell(project: Path, code: str, **environment: str):
    """What a script prints there, as JSON."""
    done = manage(project, "shell", "--verbosity", "0", "--command", code, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def on_postgres(project: Path, new_postgres: Callable[[], str]) -> dict[str, str]:  # noqa: F811
    """The environment in which the step uses a PostgreSQL database, migrated."""
    environment = {"DATABASE_URL": new_postgres()}
    done = manage(project, "migrate", "--verbosity", "0", **environment)
    assert done.returncode == 0, done.stderr
    return environment


@pytest.fixture(scope="session")
def circles(project: Path, on_postgres: dict[str, str]) -> list[dict]:
    return shell(project, MAKE, **on_postgres)


@pytest.fixture
def circle(circles: list[dict]) -> Circle:
    """An owner, a friend, a trainer and others whom no other test knows."""
    return Circle(circles.pop())


@pytest.fixture(scope="session", params=["0", "1"], ids=["channels", "hub"])
def shared(request, on_postgres: dict[str, str], shared_redis) -> dict[str, str]:  # noqa: F811
    """The environment of several servers: by Channels' own groups, and by the hub."""
    common = {"REDIS_URL": shared_redis.url, "PROCESSES": "3", "HUB": request.param}
    return {**on_postgres, **common, **LIMITS}


@pytest.fixture(scope="session")
def two(project: Path, shared: dict[str, str]) -> Iterator[tuple[Server, Server]]:
    """Two servers on one PostgreSQL and one Redis."""
    servers = []
    for _ in "ab":
        servers.append(start_daphne(project, env=shared))
    yield tuple(servers)
    for server in servers:
        server.stop()


class Person:
    """A real client of a real server; `first` is its first frame."""

    def __init__(self, connection: websockets.ClientConnection):
        self.connection = connection

    async def say(self, type: str, **fields) -> None:
        await self.connection.send(json.dumps({"type": type, **fields}))

    async def hear(self) -> dict:
        return json.loads(await asyncio.wait_for(self.connection.recv(), SECONDS))

    async def until(self, type: str, **fields) -> list[dict]:
        """All frames up to one of this type with these fields, which is the last."""
        frames = [await self.hear()]
        while not {"type": type, **fields}.items() <= frames[-1].items():
            frames.append(await self.hear())
        return frames

    async def get(self, type: str, **fields) -> dict:
        """The next frame of this type; others before it are passed over."""
        return (await self.until(type, **fields))[-1]

    async def closed(self) -> int:
        """The code with which the server closes, sooner or later."""
        code = (await self.get("closing"))["code"]
        await asyncio.wait_for(self.connection.wait_closed(), SECONDS)
        assert self.connection.close_code == code
        return code


class Circle:
    """The people of one test."""

    def __init__(self, made: dict):
        self.ids, self.names, self.cookies = made["ids"], made["names"], made["cookies"]
        self.chat = f"/ws/chat/{made['talk']}/"
        self.challenge = f"/ws/challenge/{made['challenge']}/"
        self.workout = f"/ws/workout/{self.ids['owner']}/"

    @asynccontextmanager
    async def connect(self, server: Server, name: str, path: str):
        """A socket of somebody, as a page of that very server opens it."""
        async with websockets.connect(
            server.ws(path),
            origin=server.http("").rstrip("/"),
            additional_headers={"Cookie": self.cookies[name]},
            max_queue=None,  # else a test that does not read is a client that does not read
        ) as connection:
            person = Person(connection)
            person.first = await person.hear()
            yield person

    async def send(self, server: Server, name: str, method: str, path: str, **options):
        """A request of somebody, as a script of that very server's page makes it."""
        csrf = "c" * 32
        cookie = f"{self.cookies[name]}; {STEP.name}_csrftoken={csrf}"
        headers = {"Cookie": cookie, "X-CSRFToken": csrf}
        async with httpx.AsyncClient(base_url=server.http(""), timeout=SECONDS) as client:
            return await client.request(method, path, headers=headers, **options)
