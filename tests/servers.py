"""What the tests of several steps run beside a step: a redis-server, a PostgreSQL server, commands.

Each listens on a free port of 127.0.0.1 and ends with the tests.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from conftest import OURS, ROOT, Process
from redis import Redis


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


# PostgreSQL refuses to run as root; Debian's package brings a user for it.
AS_ITS_USER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


def program(name: str) -> str:
    """Where a program of PostgreSQL is: Debian keeps the servers off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server, without a database's name."""
    # Not pytest's own folder, which nobody else may enter.
    folder = tempfile.mkdtemp(prefix="postgres-")
    is_root = os.name == "posix" and os.geteuid() == 0
    if is_root:
        shutil.chown(folder, "postgres", "postgres")
    prefix = AS_ITS_USER if is_root else []
    make = ["-D", f"{folder}/data", "-U", "course", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(
        [*prefix, program("initdb"), *make, "--no-sync"],
        cwd=folder,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    start = [*prefix, program("postgres"), "-D", f"{folder}/data", "-p", str(port), *options]
    server = Process(start, ROOT)
    try:
        server.wait_for("ready to accept connections")
        yield f"postgres://course@127.0.0.1:{port}/"
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_postgres(postgres_server: str) -> Callable[[], str]:
    """Make an empty database: `DATABASE_URL=new_postgres()`."""
    numbers = count(1)

    def make() -> str:
        import psycopg  # not in a learner's lock: there, these tests are skipped

        name = f"course_{next(numbers)}"
        with psycopg.connect(f"{postgres_server}postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return postgres_server + name

    return make
