"""What deploy/ holds, as it is but for ports and paths: a proxy, two processes, a restart."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shlex
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import websockets
from conftest import ROOT, Process
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import MAKE, SECONDS, Person, manage, shell

pytestmark = [pytest.mark.needs(name) for name in ("nginx", "redis", "postgresql")]

OURS = "the server's own key, of more than fifty characters, for these tests"
METRICS = {"Authorization": "Bearer a-token-for-the-metrics"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def environment(project, new_postgres, shared_redis) -> dict[str, str]:
    """Production's settings, as the page lists them."""
    environment = {
        "DATABASE_URL": new_postgres(),
        "SECRET_KEY": OURS,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "REDIS_URL": shared_redis.url,
        "PROCESSES": "2",
        "PROXY": "True",
        "METRICS_TOKEN": "a-token-for-the-metrics",
    }
    check = ["check", "--deploy", "--fail-level=WARNING"]
    for command in (["migrate", "-v0"], ["collectstatic", "--noinput"], check):
        done = manage(project, *command, **environment)
        assert done.returncode == 0, done.stderr
    return environment


@pytest.fixture(scope="module")
def people(project, environment) -> list[dict]:
    return shell(project, MAKE.replace("range(20)", "range(8)"), **environment)


class Program(Process):
    """A process that ends if it does not say that it has started."""

    def started(self, pattern: str) -> None:
        try:
            self.wait_for(pattern)
        except BaseException:
            self.stop()
            raise


class Worker(Program):
    """A process as the unit file starts it."""

    def __init__(self, project: Path, environment: dict[str, str], *more: str, port: int = 0):
        unit = (project / "deploy/pulse@.service").read_text(encoding="utf-8")
        [line] = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
        self.port = port or free_port()
        program, *options = shlex.split(line.replace("%i", str(self.port)))
        assert program == "/srv/pulse/.venv/bin/daphne"
        options[-1:-1] = more
        super().__init__([sys.executable, "-m", "daphne", *options], project, environment)
        self.started("Listening on TCP address")


@pytest.fixture(scope="module")
def workers(project, environment) -> Iterator[list[Worker]]:
    started = [Worker(project, environment) for _ in range(2)]
    yield started
    for worker in started:
        worker.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A folder with a certificate of localhost, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form),
    )
    return folder


class Proxy(Program):
    """nginx with the step's configuration; `change` is made to its text first."""

    def __init__(self, folder, project, certificate, workers, change=str, connections=512):
        self.plain, self.port = free_port(), free_port()
        text = (project / "deploy/nginx.conf").read_text(encoding="utf-8")
        for was, now in (
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("pulse.example.org", "localhost"),
            ("/etc/ssl/pulse", str(certificate)),
            ("/srv/pulse/", f"{project}/"),
            ("127.0.0.1:8001", f"127.0.0.1:{workers[0].port}"),
            ("127.0.0.1:8002", f"127.0.0.1:{workers[-1].port}"),
        ):
            assert was in text
            text = text.replace(was, now)
        temporary = "".join(
            f"{name}_temp_path {folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "mime.types").write_text("types { text/css css; text/javascript js; }\n")
        (folder / "nginx.conf").write_text(
            f"user root;\ndaemon off;\nmaster_process off;\npid {folder}/pid;\n"
            f"error_log stderr notice;\nevents {{ worker_connections {connections}; }}\n"
            f"http {{\ninclude mime.types;\naccess_log off;\n{temporary}{change(text)}\n}}\n",
            encoding="utf-8",
        )
        super().__init__(
            ["nginx", "-p", str(folder), "-e", "stderr", "-c", f"{folder}/nginx.conf"], ROOT
        )
        self.started("using the .* event method")
        self.tls = ssl.create_default_context(cafile=certificate / "fullchain.pem")
        self.origin = f"https://localhost:{self.port}"

    def connect(self, path: str, cookie: str = "", **options):
        headers = {"Cookie": cookie} if cookie else {}
        address = f"wss://localhost:{self.port}{path}"
        return websockets.connect(
            address, origin=self.origin, ssl=self.tls, additional_headers=headers, **options
        )

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.origin + path, verify=self.tls, headers=headers, timeout=SECONDS)


@pytest.fixture
def proxy(tmp_path, project, certificate) -> Iterator[Callable[..., Proxy]]:
    """Start nginx: `proxy(workers)`."""
    started: list[Proxy] = []
    numbers = itertools.count()

    def start(workers, **options) -> Proxy:
        folder = tmp_path / f"nginx{next(numbers)}"
        folder.mkdir()
        started.append(Proxy(folder, project, certificate, workers, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


async def test_pages_their_files_and_sockets_come_through_to_both_processes(proxy, workers, people):
    front, one = proxy(workers), people[0]
    page = front.get("/login/")
    assert page.status_code == 200
    [style] = re.findall(r'href="(/static/css/look[^"]*)"', page.text)
    assert front.get(style).headers["content-type"] == "text/css"
    chat = f"/ws/chat/{one['talk']}/"
    async with (
        front.connect(chat, one["cookies"]["owner"]) as owner,
        front.connect(chat, one["cookies"]["friend"]) as friend,
    ):
        assert [open_sockets(worker) for worker in workers] == [1, 1]
        owner, friend = Person(owner), Person(friend)
        await owner.say("chat_message", message="through the proxy", client_id="1")
        heard = await friend.get("chat_message")
        assert heard["message"] == "through the proxy"


def test_plain_http_is_sent_to_https(proxy, workers):
    plain = httpx.get(f"http://localhost:{proxy(workers).plain}/login/?next=/feed/")
    assert plain.status_code == 301
    assert plain.headers["location"] == "https://localhost/login/?next=/feed/"


def open_sockets(worker: Worker) -> int:
    """What a process says of itself to whoever scrapes it."""
    found = httpx.get(f"http://127.0.0.1:{worker.port}/metrics/", headers=METRICS, timeout=SECONDS)
    assert found.status_code == 200
    return sum(int(float(n)) for n in re.findall(r"^pulse_connections{.*} (.+)$", found.text, re.M))


def test_metrics_are_scraped_from_a_process_and_not_through_the_proxy(proxy, workers):
    assert proxy(workers).get("/metrics/", **METRICS).status_code == 404
    assert open_sockets(workers[0]) >= 0


@pytest.mark.parametrize(
    ("line", "page", "socket"),
    [
        ("proxy_set_header Upgrade $http_upgrade;", 200, 404),
        ("proxy_set_header Connection $kept_for;", 200, 400),
        ("proxy_set_header Host $http_host;", 400, 403),
        ("proxy_set_header X-Forwarded-Proto $scheme;", 301, 101),
    ],
)
async def test_without_one_of_these_lines_no_socket_or_no_page_comes_through(
    proxy, workers, people, line, page, socket
):
    cookie = people[0]["cookies"]["owner"]
    assert await answers(proxy(workers), cookie) == (200, 101)
    assert await answers(proxy(workers, change=without(line)), cookie) == (page, socket)


async def answers(front: Proxy, cookie: str) -> tuple[int, int]:
    """The statuses of a page and of a handshake; a socket that opens is used, too."""
    page = front.get("/login/").status_code
    try:
        async with front.connect("/ws/whoami/", cookie) as socket:
            assert json.loads(await socket.recv())["type"] == "whoami"
            return page, 101
    except websockets.InvalidStatus as refused:
        return page, refused.response.status_code


def without(line: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert text.count(line) == 1
        return text.replace(line, "")

    return change


async def test_daphne_takes_an_upgrade_in_http_1_0_too(proxy, workers, people):
    """So that line is the RFC's word, and for whatever else stands behind nginx."""
    front = proxy(workers, change=without("proxy_http_version 1.1;"))
    assert await answers(front, people[0]["cookies"]["owner"]) == (200, 101)


def test_what_a_client_says_its_address_is_counts_for_nothing(proxy, project, environment):
    """Sign-ups are counted by it. Daphne's log shows whom it takes a client for."""

    def believing(text: str) -> str:
        return text.replace("X-Forwarded-For $remote_addr", "X-Forwarded-For $http_x_forwarded_for")

    worker = Worker(project, environment, "--access-log", "-")
    try:
        proxy([worker]).get("/login/", **{"X-Forwarded-For": "203.0.113.1"})
        worker.wait_for(r"127\.0\.0\.1:\d+ .*GET /login/")
        assert "203.0.113.1" not in worker.output
        proxy([worker], change=believing).get("/login/", **{"X-Forwarded-For": "203.0.113.2"})
        worker.wait_for(r"203\.0\.113\.2:\d+ .*GET /login/")
    finally:
        worker.stop()


@pytest.mark.parametrize("is_asked", [True, False], ids=["max_fails=0", "without"])
async def test_processes_are_started_again_one_by_one_and_nobody_misses_a_word(
    proxy, project, environment, people, is_asked
):
    one = people.pop()
    chat, cookies = f"/ws/chat/{one['talk']}/", one["cookies"]
    pair = [Worker(project, environment) for _ in range(2)]
    front = proxy(pair, change=str if is_asked else lambda text: text.replace(" max_fails=0", ""))
    try:
        async with front.connect(chat, cookies["friend"]) as there:
            friend = Person(there)
            seen = (await friend.get("chat_history"))["messages"]
            assert not seen
            [first] = [worker for worker in pair if open_sockets(worker)]
            [other] = [worker for worker in pair if worker is not first]
            first.stop()
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(there.recv(), SECONDS)
        async with front.connect(chat, cookies["owner"]) as owner:  # at once, at the other one
            owner = Person(owner)
            await owner.say("chat_message", message="while you were away", client_id="1")
            await owner.get("ack")
        async with front.connect(f"{chat}?after=0", cookies["friend"]) as there:
            missed = await Person(there).get("chat_history")
        assert [each["message"] for each in missed["messages"]] == ["while you were away"]
        pair.append(Worker(project, environment, port=first.port))
        other.stop()
        if not is_asked:  # for the ten seconds that nginx remembers
            with pytest.raises(websockets.InvalidStatus, match="502"):
                await front.connect("/ws/whoami/", cookies["friend"])
            return
        async with front.connect("/ws/whoami/", cookies["friend"]) as there:
            assert (await Person(there).hear())["type"] == "whoami"
    finally:
        for worker in pair:
            worker.stop()


@pytest.mark.parametrize(("ping", "stays"), [(1, True), (30, False)])
async def test_a_silent_socket_stays_as_long_as_daphne_pings_more_often_than_nginx_waits(
    proxy, project, environment, people, ping, stays
):
    """Their defaults are 20 s and 60 s; here nginx waits for 3 s."""

    def impatient(text: str) -> str:
        return text.replace("proxy_pass", "proxy_read_timeout 3s;\n        proxy_pass")

    worker = Worker(project, environment, "--ping-interval", str(ping))
    try:
        cookie = people[2]["cookies"]["owner"]
        front = proxy([worker], change=impatient)
        async with front.connect("/ws/whoami/", cookie, ping_interval=None) as there:
            await Person(there).hear()
            closed = asyncio.create_task(there.wait_closed())
            done, _ = await asyncio.wait([closed], timeout=7 if stays else SECONDS)
            assert (not done) is stays
            closed.cancel()
    finally:
        worker.stop()


async def test_a_socket_takes_two_of_nginxs_worker_connections(proxy, workers, people):
    front, opened = proxy(workers, connections=20), []
    cookie = people[3]["cookies"]["owner"]
    try:
        with pytest.raises((websockets.InvalidHandshake, ConnectionError, TimeoutError)):
            for _ in range(20):
                opened.append(await front.connect("/ws/whoami/", cookie))
        assert 5 <= len(opened) <= 9
        front.wait_for("worker_connections are not enough")
    finally:
        for each in opened:
            await each.close()
