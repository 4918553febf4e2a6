"""A redis-server on a free port, and a copy of the step with its own database."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import NOT_COPIED, OURS, ROOT, Process
from redis import Redis

from .postgres import new_postgres, postgres_server  # noqa: F401  fixtures

STEP = ROOT / "step04_groups"
ROWS = """
from datetime import UTC, datetime
from django.contrib.auth.models import User
from alerts.models import Club, FitnessClass
from rooms.models import Room

User.objects.create_superuser("sam", password="sam")
Room.objects.create(name="lobby")
north, south = [Club.objects.create(name=name) for name in ("North", "South")]
for club, name in [(north, "yoga"), (north, "spinning"), (south, "boxing")]:
    starts_at = datetime(2026, 1, 5, 18, tzinfo=UTC)
    FitnessClass.objects.create(club=club, name=name, starts_at=starts_at)
"""


class RedisServer(Process):
    """A redis-server that stores nothing, on 127.0.0.1."""

    def __init__(self, *options: str):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        own = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", str(self.port)]
        super().__init__(["redis-server", *own, *options], ROOT)
        self.wait_for("Ready to accept connections")
        self.url = f"redis://127.0.0.1:{self.port}/0"


@pytest.fixture
def redis_server() -> Iterator[Callable[..., RedisServer]]:
    """Start a redis-server of one's own: `redis_server("--requirepass", "secret")`."""
    servers: list[RedisServer] = []

    def start(*options: str) -> RedisServer:
        servers.append(RedisServer(*options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def redis(shared_redis: RedisServer) -> str:
    """The URL of a redis-server with nothing in it."""
    with Redis.from_url(shared_redis.url) as client:
        client.flushall()
    return shared_redis.url


def manage(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` there, in a process of its own."""
    return subprocess.run(
        # A connection or a socket that nobody closed would be written to stderr.
        [sys.executable, "-W", "always::ResourceWarning", "manage.py", *arguments],
        cwd=project,
        env={**OURS, "PYTHONUTF8": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the step: migrated, with staff, a room, two clubs and their three classes."""
    copy = tmp_path_factory.mktemp("step04") / STEP.name
    shutil.copytree(STEP, copy, ignore=NOT_COPIED)
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--command", ROWS]):
        done = manage(copy, *arguments)
        assert done.returncode == 0, done.stderr
    return copy
