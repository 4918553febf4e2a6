"""Fixtures every root test may use: real servers on free ports, and the built site."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What a copy of a step leaves behind: everything a run of it makes.
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.sqlite3*", ".env", ".venv")


class Process:
    """A child process whose output is read line by line, and waited for with a deadline."""

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str] | None = None):
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\r\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """The first match of `pattern` in the output so far or to come; fails at the deadline."""
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                if found := re.search(pattern, self.output):
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    pytest.fail(f"no {pattern!r} within {seconds} s in:\n{self.output}")
                self._news.wait(left)

    def stop(self) -> int:
        """End the process and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self._reader.join(10)
        self.process.stdout.close()
        return self.process.returncode


class Server(Process):
    """A server of ours on 127.0.0.1; `port` is known once it listens."""

    port = 0

    def http(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ws(self, path: str = "/") -> str:
        return f"ws://127.0.0.1:{self.port}{path}"


def start_daphne(
    directory: Path,
    *options: str,
    application: str = "config.asgi:application",
    env: dict[str, str] | None = None,
) -> Server:
    """A real Daphne on a port the system chooses, listening when this returns."""
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", "0", *options, application]
    server = Server(command, directory, env)
    server.port = int(server.wait_for(r"Listening on TCP address 127\.0\.0\.1:(\d+)")[1])
    return server


@pytest.fixture
def daphne() -> Iterator:
    """Start Daphne for a project: `daphne(directory, *options, application=…, env=…)`."""
    servers: list[Server] = []

    def start(directory: Path, *options: str, **settings) -> Server:
        servers.append(start_daphne(directory, *options, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def step_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """`step_server(3)`: that step, migrated, as `python3 -m course serve` runs it; one a session.

    The step is copied first, so that its database file is the test's own.
    """
    servers: dict[int, Server] = {}

    def start(number: int) -> Server:
        if number not in servers:
            (step,) = ROOT.glob(f"step{number:02}_*")
            copy = tmp_path_factory.mktemp("served") / step.name
            shutil.copytree(step, copy, ignore=NOT_COPIED)
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            subprocess.run(migrate, cwd=copy, check=True, stdin=subprocess.DEVNULL)
            servers[number] = start_daphne(
                copy, application="course.tap:application", env={"PYTHONPATH": str(ROOT)}
            )
        return servers[number]

    yield start
    for server in servers.values():
        server.stop()


def build_site(into: Path) -> Path:
    """The docs site as mkdocs builds it, strictly."""
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(into)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    assert built.returncode == 0, built.stdout
    return into


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; built once a session."""
    return build_site(tmp_path_factory.mktemp("built") / "site")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serve a folder without a line per request."""

    # With HTTP/1.0 a page of forty assets opens forty connections.
    protocol_version = "HTTP/1.1"

    def log_message(self, *args) -> None:
        pass


@pytest.fixture(scope="session")
def site(built_site: Path) -> Iterator[str]:
    """The address of the built site, served on a free port: `page.goto(site + "steps/…/")`."""
    handler = functools.partial(QuietHandler, directory=str(built_site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(10)
