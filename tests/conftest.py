"""Fixtures every root test may use: real servers on free ports, and the built site."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A child must find its settings itself, as it would in a learner's terminal.
OURS = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}

# What a copy of a step leaves behind: everything a run of it makes.
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.sqlite3*", ".env", ".venv")


def with_quick_passwords(step: Path) -> dict[str, str]:
    """Let a copy of a step hash passwords at once: half a second for each log-in adds up.

    Returns the environment that all its processes need.
    """
    quick = """from config.settings import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""
    (step / "config/quick.py").write_text(quick, encoding="utf-8")
    return {"DJANGO_SETTINGS_MODULE": "config.quick"}


class Process:
    """A child process whose output is read line by line, and waited for with a deadline."""

    stdin = subprocess.DEVNULL

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str] | None = None):
        self.folder = cwd
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**OURS, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", **(env or {})},
            stdin=self.stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
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

    def wait_for(self, pattern: str, seconds: float = 20, since: int = 0) -> re.Match[str]:
        """The first match of `pattern` in the output from line `since` on, or to come.

        Fails at the deadline.
        """
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                if found := re.search(pattern, "\n".join(self.lines[since:])):
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    pytest.fail(f"no {pattern!r} within {seconds} s in:\n{self.output}")
                self._news.wait(left)

    def _end(self, hard: bool) -> None:
        if os.name == "posix":
            os.killpg(self.process.pid, signal.SIGKILL if hard else signal.SIGTERM)
        else:
            self.process.kill() if hard else self.process.terminate()

    def stop(self) -> int:
        """End the process, and on POSIX its children (a reloader has one)."""
        if self.process.poll() is None:
            self._end(hard=False)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self._end(hard=True)
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


SETTINGS = """
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "only for this test"
DEBUG = True
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "daphne", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.staticfiles",
]
MIDDLEWARE = []
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""

URLS = """
import threading

from django.http import HttpResponse
from django.urls import path

may_answer = threading.Event()


def slow(request):
    print("a slow view begins")
    may_answer.wait(30)
    return HttpResponse("at last")


def go(request):
    may_answer.set()
    return HttpResponse()


urlpatterns = [
    path("", lambda request: HttpResponse("a page")), path("slow/", slow), path("go/", go)
]
"""

ASGI = """
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()
from channels.routing import ProtocolTypeRouter, URLRouter
from config.routing import websocket_urlpatterns

application = ProtocolTypeRouter(
    {"http": django_application, "websocket": URLRouter(websocket_urlpatterns)}
)
"""

ROUTING = """
from django.urls import path
from config.consumers import Consumer

websocket_urlpatterns = [path("ws/", Consumer.as_asgi())]
"""

CONSUMERS = """
from channels.generic.websocket import AsyncWebsocketConsumer


class Consumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)
"""

MANAGE = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
execute_from_command_line(sys.argv)
"""


def make_project(folder: Path, **files: str) -> Path:
    """A small Django project with an echo at /ws/; `consumers="…"` replaces config/consumers.py.

    A name may also be a path (`**{"tests/test_it.py": "…"}`).
    """
    house = {"settings": SETTINGS, "urls": URLS, "asgi": ASGI, "routing": ROUTING}
    house |= {"consumers": CONSUMERS, "__init__": "", "manage.py": MANAGE, "static/it.css": "p {}"}
    for name, text in {**house, **files}.items():
        path = folder / (name if "." in name else f"config/{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def project(tmp_path: Path):
    """Make a project in the test's own folder: `project(consumers="…")`."""
    return functools.partial(make_project, tmp_path / "project")


@dataclass
class Entry:
    """An entry of the troubleshooting page: what it shows, for its test to compare with."""

    name: str
    messages: list[str]
    wrong: list[str]

    @property
    def message(self) -> str:
        """The pattern of the only message shown; `…` in it stands for anything."""
        (only,) = self.messages
        return only


def symptoms() -> dict[str, Entry]:
    """The entries of the troubleshooting page by their anchors."""
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    found = {}
    for name, text in re.findall(
        r"^### [^\n]*\{ *#([a-z0-9-]+) *\}\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE
    ):
        fences = re.findall(r"^```(\S[^\n]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        messages = [re.escape(body.strip()) for kind, body in fences if ".message" in kind]
        found[name] = Entry(
            name,
            [message.replace("…", ".*?") for message in messages],
            [body for kind, body in fences if ".wrong" in kind],
        )
    return found


@pytest.fixture
def entry(request: pytest.FixtureRequest) -> Entry:
    """The page's entry for this test: `test_no_route` reads the entry `no-route`."""
    return symptoms()[request.node.originalname.removeprefix("test_").replace("_", "-")]


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
        thread.join(20)
