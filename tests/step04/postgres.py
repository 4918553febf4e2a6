"""A PostgreSQL server on a free port, in a folder of its own, that ends with the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from conftest import ROOT, Process

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
