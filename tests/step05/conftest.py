"""A copy of the step with the people of its demo, and clients of its servers."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import websockets
from conftest import NOT_COPIED, ROOT, Server
from servers import (  # noqa: F401  fixtures
    manage,
    new_postgres,
    postgres_server,
    redis,
    redis_server,
    shared_redis,
)

STEP = ROOT / "step05_auth"
SECONDS = 30  # no test waits longer for a frame


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the step: migrated, with ada and ben in the lobby, cleo, and sam of the staff."""
    copy = tmp_path_factory.mktemp("step05") / STEP.name
    shutil.copytree(STEP, copy, ignore=NOT_COPIED)
    for arguments in (["migrate", "--verbosity", "0"], ["demo"]):
        done = manage(copy, *arguments)
        assert done.returncode == 0, done.stderr
    return copy


def shell(project: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = manage(project, "shell", "--verbosity", "0", "--command", code, **environment)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def fresh(project: Path) -> Path:
    """The same project, with nobody logged in and nothing said."""
    shell(
        project,
        "from accounts.models import Login; from rooms.models import Connection, Message;"
        " [model.objects.all().delete() for model in (Login, Connection, Message)]",
    )
    return project


@pytest.fixture
def two_servers(fresh: Path, daphne, redis: str) -> Callable[..., tuple[Server, Server]]:  # noqa: F811
    """Two Daphnes that share a Redis: `a, b = two_servers(RECHECK_SECONDS="2")`."""

    def start(**environment: str) -> tuple[Server, Server]:
        environment = {"REDIS_URL": redis, "PROCESSES": "2", **environment}
        a, b = (daphne(fresh, env=environment) for _ in "ab")
        return a, b

    return start


class Browser:
    """A client of one server that has logged in by the page; its cookie is good at both."""

    def __init__(self, server: Server, client: httpx.AsyncClient):
        self.server, self.client = server, client

    async def post(self, path: str, page: str | None = None, **fields) -> httpx.Response:
        """Fill in the form of a page, as a browser does: with its CSRF token."""
        found = (await self.client.get(page or path)).text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', found)[1]
        return await self.client.post(path, data={**fields, "csrfmiddlewaretoken": token})

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())


@asynccontextmanager
async def browse(server: Server, username: str):
    """Somebody of the demo, logged in."""
    async with httpx.AsyncClient(base_url=server.http(), timeout=SECONDS) as client:
        browser = Browser(server, client)
        answer = await browser.post("/login/", username=username, password=f"{username}-demo")
        assert answer.status_code == 302, answer.text
        yield browser


async def tokens_of(server: Server, username: str) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=server.http(), timeout=SECONDS) as client:
        asked = {"username": username, "password": f"{username}-demo"}
        return (await client.post("/api/token/", json=asked)).raise_for_status().json()


async def tickets_of(server: Server, access: str, number: int = 1) -> list[str]:
    headers = {"Authorization": f"Bearer {access}"}
    async with httpx.AsyncClient(base_url=server.http(), headers=headers) as client:
        answers = [await client.post("/api/ws-ticket/", timeout=SECONDS) for _ in range(number)]
        return [answer.raise_for_status().json()["ticket"] for answer in answers]


class Person:
    """A real client of a real server."""

    def __init__(self, connection: websockets.ClientConnection):
        self.connection = connection

    async def say(self, type: str = "chat_message", **fields) -> None:
        await self.connection.send(json.dumps({"type": type, **fields}))

    async def hear(self) -> dict:
        return json.loads(await asyncio.wait_for(self.connection.recv(), SECONDS))

    async def get(self, *types: str) -> dict:
        """The next frame of one of these types; others before it are passed over."""
        while (frame := await self.hear())["type"] not in types:
            pass
        return frame

    async def closed(self) -> int:
        """The code with which the server closes, sooner or later."""
        code = (await self.get("closing"))["code"]
        await asyncio.wait_for(self.connection.wait_closed(), SECONDS)
        assert self.connection.close_code == code
        return code


@asynccontextmanager
async def connect(server: Server, path: str, *subprotocols: str, cookie: str = ""):
    """A socket, as a page of that very server opens it."""
    async with websockets.connect(
        server.ws(path),
        subprotocols=list(subprotocols) or None,
        origin=server.http("").rstrip("/"),
        additional_headers={"Cookie": cookie} if cookie else None,
    ) as connection:
        yield Person(connection)
