"""Each entry of docs/troubleshooting.md, reproduced: `test_no_route` is the entry `no-route`.

The wrong code and the message come from the page itself, so the two cannot drift apart.
What only a browser shows is in tests/browser/test_troubleshooting.py.
"""

import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from conftest import (
    ASGI,
    CONSUMERS,
    ROUTING,
    SETTINGS,
    Process,
    make_project,
    start_daphne,
    symptoms,
)
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.slow  # they hold the page to its word, and start many servers


@pytest.fixture
def run():
    """Start a command in a project, stopped after the test."""
    running = []

    def start(folder, *arguments, kind=Process):
        running.append(kind([sys.executable, *arguments], folder))
        return running[-1]

    yield start
    for process in running:
        process.stop()


def free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def refused(url: str, **options) -> int:
    """The HTTP status that a handshake got instead of 101."""
    with pytest.raises(InvalidStatus) as answer, connect(url, **options):
        pass
    return answer.value.response.status_code


def closing(client) -> ConnectionClosed:
    """How the server ends a connection that it is about to end."""
    with pytest.raises(ConnectionClosed) as end:
        client.recv(timeout=30)
    return end.value


def closed_with(url: str, *frames) -> int:
    """The close code a client gets after sending `frames`."""
    with connect(url) as client:
        for frame in frames:
            client.send(frame)
        return closing(client).rcvd.code


# Set-up and routing


def test_apps_not_loaded(project, run, daphne, entry):
    too_late = project(
        asgi=entry.wrong[0], consumers="from django.contrib.auth.models import User\n" + CONSUMERS
    )
    arguments = ["-m", "daphne", "-p", "0", "-b", "127.0.0.1", "config.asgi:application"]
    run(too_late, *arguments).wait_for(entry.messages[0])

    # With the settings named first, the same import fails a little later.
    named_first = 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"\n'
    asgi = too_late / "config/asgi.py"
    asgi.write_text(named_first + entry.wrong[0], encoding="utf-8")
    run(too_late, *arguments).wait_for(entry.messages[1])

    # Without a model it starts, and hides the mistake.
    (too_late / "config/consumers.py").write_text(CONSUMERS, encoding="utf-8")
    daphne(too_late)

    (too_late / "config/consumers.py").write_text(
        "from django.contrib.auth.models import User\n" + CONSUMERS, encoding="utf-8"
    )
    asgi.write_text(ASGI, encoding="utf-8")
    daphne(too_late)


def test_not_found_under_runserver(project, run, entry):
    folder = project(settings=SETTINGS.replace('"daphne", ', ""))
    port = free_port()
    server = run(folder, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}")
    server.wait_for("Quit the server with")
    assert "ASGI/Daphne" not in server.output
    assert refused(f"ws://127.0.0.1:{port}/ws/") == 404
    server.wait_for(entry.message)


def test_daphne_e001(project, run, entry):
    listed_last = SETTINGS.replace('"daphne", ', "").replace(
        '"django.contrib.staticfiles",', '"django.contrib.staticfiles", "daphne",'
    )
    checking = run(project(settings=listed_last), "manage.py", "check")
    checking.wait_for(entry.message)
    assert checking.process.wait(30) == 1


def test_no_websocket_in_django(project, daphne, entry):
    server = daphne(project(asgi=entry.wrong[0]))
    assert refused(server.ws("/ws/")) == 500
    server.wait_for(entry.message)
    assert httpx.get(server.http()).status_code == 200


def test_no_route(project, daphne, entry):
    server = daphne(project())
    assert refused(server.ws("/nowhere/")) == 500
    server.wait_for(entry.message)


def test_include_in_urlrouter(project, run, entry):
    folder = project(
        routing=entry.wrong[0],
        **{"echo/__init__.py": "", "echo/routing.py": "urlpatterns = []"},
    )
    arguments = ["-m", "daphne", "-p", "0", "-b", "127.0.0.1", "config.asgi:application"]
    run(folder, *arguments).wait_for(entry.message)


def test_no_http_key(project, daphne, entry):
    server = daphne(project(asgi=entry.wrong[0]))
    assert httpx.get(server.http()).status_code == 500
    server.wait_for(entry.message)
    with connect(server.ws("/ws/")) as client:
        client.send("still here")
        assert client.recv(timeout=30) == "still here"


@pytest.mark.needs("uvicorn")
def test_lifespan(project, run, entry):
    folder = project()
    server = run(
        folder, "-m", "uvicorn", "--port", "0", "--lifespan", "on", "config.asgi:application"
    )
    server.wait_for(entry.message)
    harmless = run(
        folder, "-m", "uvicorn", "--port", "0", "--lifespan", "off", "config.asgi:application"
    )
    port = harmless.wait_for(r"running on http://127\.0\.0\.1:(\d+)")[1]
    assert "lifespan" not in harmless.output
    with connect(f"ws://127.0.0.1:{port}/ws/") as client:
        client.send("works")
        assert client.recv(timeout=30) == "works"


def test_static_404(project, daphne, run, entry):
    folder = project()
    assert httpx.get(daphne(folder).http("/static/it.css")).status_code == 404
    wrapped = ASGI + (
        "from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler\n"
        "application = ASGIStaticFilesHandler(application.application_mapping['http'])\n"
    )
    (folder / "config/asgi.py").write_text(wrapped, encoding="utf-8")
    assert httpx.get(daphne(folder).http("/static/it.css")).status_code == 200
    port = free_port()
    server = run(folder, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}")
    server.wait_for("Starting ASGI/Daphne")
    assert wait_until_served(f"http://127.0.0.1:{port}/static/it.css").status_code == 200


def wait_until_served(url: str) -> httpx.Response:
    """The first answer of a server that has said it starts, but not yet that it listens."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx.get(url)
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise


def test_listen_failure(project, run, entry):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = run(project(), "manage.py", "runserver", f"127.0.0.1:{port}")
        server.wait_for(entry.message)
        # It has nothing to serve, and does not end.
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(2)


# Consumers


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """One Daphne with every wrong consumer of the page, at the entry's name; an echo at /ws/."""
    files = {"entries/__init__.py": ""}
    imports, routes = [], []
    for entry in symptoms().values():
        module = entry.name.replace("-", "_")
        for text in entry.wrong:
            for kind in re.findall(r"^class (\w+)\(\w*Consumer\)", text, re.MULTILINE):
                files[f"entries/{module}.py"] = text
                imports.append(f"from entries import {module}")
                path = entry.name if kind == "Consumer" else f"{entry.name}/{kind.lower()}"
                routes.append(f'path("{path}/", {module}.{kind}.as_asgi())')
    routing = ROUTING + "\n".join(imports) + "\nwebsocket_urlpatterns += ["
    echo = CONSUMERS + "\n    async def disconnect(self, code):\n        print('got', code)\n"
    folder = make_project(
        tmp_path_factory.mktemp("gallery"),
        routing=routing + ", ".join(routes) + "]\n",
        consumers=echo,
        **files,
    )
    server = start_daphne(
        folder, "--application-close-timeout", "1", "--websocket_connect_timeout", "3"
    )
    yield server
    server.stop()


class Served:
    """What one test sees of the gallery: its entry's address, and the log since it began."""

    def __init__(self, gallery, entry):
        self.gallery, self.entry, self.since = gallery, entry, len(gallery.lines)
        self.url = gallery.ws(f"/{entry.name}/")
        self.echo = gallery.ws("/ws/")

    def logs(self, message):
        self.gallery.wait_for(message, since=self.since)

    @property
    def output(self):
        return "\n".join(self.gallery.lines[self.since :])


@pytest.fixture
def served(gallery, entry):
    return Served(gallery, entry)


def test_exception_skips_disconnect(served, entry):
    assert closed_with(served.url, "raise") == 1011
    served.logs(entry.message)
    # A connection that ends well, later: its disconnect() has run, the other one has not.
    with connect(served.url):
        pass
    served.logs("tidied up after 1000")
    assert served.output.count("tidied up") == 1


def test_killed(served, entry):
    with connect(served.url) as client:
        client.send("work on this")
    served.logs(entry.message)
    assert "never printed" not in served.output


def test_one_event_at_a_time(served):
    with connect(served.url) as client:
        begin = time.monotonic()
        for frame in ("1", "2", "3"):
            client.send(frame)
        assert [client.recv(timeout=30) for _ in range(3)] == ["1", "2", "3"]
        assert time.monotonic() - begin >= 0.9


def test_open_with_nobody_behind(served):
    with connect(served.url) as client:
        client.send("stop")
        client.send("anybody?")
        # Daphne itself still answers pings; the application never answers again.
        assert client.ping().wait(10)
        with pytest.raises(TimeoutError):
            client.recv(timeout=1)


def test_serial(served):
    def measured(url: str) -> float:
        clients = [connect(url) for _ in range(5)]
        begin = time.monotonic()
        for client in clients:
            client.send("work")
        with ThreadPoolExecutor(5) as pool:
            assert list(pool.map(lambda client: client.recv(timeout=20), clients)) == ["done"] * 5
        taken = time.monotonic() - begin
        for client in clients:
            client.close()
        return taken

    with connect(served.url + "synchronous/") as client:
        for _ in range(10):
            client.send("work")
        begin = time.monotonic()
        assert httpx.get(served.gallery.http()).text == "a page"
        assert time.monotonic() - begin < 2, "a view waited for 3 s of a consumer's work"

    with ThreadPoolExecutor(1) as pool, connect(served.url + "synchronous/") as client:
        slow = pool.submit(httpx.get, served.gallery.http("/slow/"), timeout=30)
        served.logs("a slow view begins")
        client.send("work")
        assert client.recv(timeout=20) == "done"
        assert not slow.done()
        httpx.get(served.gallery.http("/go/"))
        assert slow.result().text == "at last"

    one_by_one = measured(served.url + "synchronous/")
    side_by_side = measured(served.url + "asynchronous/")
    assert one_by_one >= 1.5
    assert side_by_side < one_by_one - 0.6


def test_asynctosync(served, entry):
    assert closed_with(served.url, "hi") == 1011
    served.logs(entry.message)


def test_synchronous_only(served, entry):
    assert closed_with(served.url, "hi") == 1011
    served.logs(entry.message)


def test_binary_into_receive(served, entry):
    with connect(served.url) as client:
        client.send("text is fine")
        assert client.recv(timeout=30) == "text is fine"
    assert closed_with(served.url, b"\x00\x01") == 1011
    served.logs(entry.message)


def test_bad_json(served, entry):
    frames = ["{not json", "[" * 100_000, "9" * 5000, "[]", "{}"]
    with ThreadPoolExecutor(5) as pool:  # at once: Daphne looks every second who raised
        codes = list(pool.map(lambda frame: closed_with(served.url, frame), frames))
    assert codes == [1011] * 5
    assert len(frames) == len(entry.messages)
    for message in entry.messages:
        served.logs(message)


def test_nan(served, entry):
    with connect(served.url) as client:
        client.send('{"bpm": NaN}')
        # What goes out is not JSON: JSON.parse in a browser throws on it.
        assert re.search(entry.message, client.recv(timeout=30))


def test_no_user_in_scope(served, entry):
    assert refused(served.url) == 500
    served.logs(entry.message)


def test_no_layer(served, entry, project, daphne):
    assert refused(served.url) == 500
    served.logs(entry.message)
    layer = '\nCHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}\n'
    cured = project(consumers=entry.wrong[0], settings=SETTINGS + layer)
    with connect(daphne(cured).ws("/ws/")):
        pass


def test_never_answered(served):
    begin = time.monotonic()
    with pytest.raises(InvalidMessage), connect(served.url):
        pass
    # Not at once; and Daphne's clock is a coarse one.
    assert 1.5 < time.monotonic() - begin < 8


# Closing


def test_refused_is_403(served, entry, project, daphne):
    assert refused(served.url) == 403
    accepts = entry.wrong[0].replace("await self", "await self.accept()\n        await self", 1)
    with connect(daphne(project(consumers=accepts)).ws("/ws/")) as client:
        assert closing(client).rcvd.code == 4401


@pytest.mark.parametrize("code", [1001, 1008, 1011, 1012, 1013])
def test_invalid_close_code(served, entry, code):
    assert "code=int(text_data)" in entry.wrong[0]
    assert closed_with(served.url, str(code)) == 1011
    served.logs(entry.message.replace("1001", str(code)))
    assert closed_with(served.url, "4001") == 4001


def test_own_close_code_comes_back_1000(served):
    with connect(served.echo) as client:
        client.close(4001)
        assert client.protocol.close_rcvd.code == 1000
    served.logs("got 4001")


def test_reason_dropped(served):
    with connect(served.url) as client:
        assert "x-room" not in client.response.headers
        end = closing(client).rcvd
    assert (end.code, end.reason) == (4403, "")


def test_empty_frame(served):
    with connect(served.echo) as client:
        client.send("")
        client.send(b"")
        client.send("after")
        assert client.recv(timeout=30) == "after"


def test_too_big(served, project, daphne):
    with connect(served.echo, max_size=None) as client:
        client.send(b"x" * 1_000_000)
        assert len(client.recv(timeout=30)) == 1_000_000
    with connect(served.echo) as client:
        client.send(b"x" * (1024 * 1024 + 1))
        # Cut without a close frame: a browser makes 1006 of that.
        assert closing(client).rcvd is None
    more = ("--websocket-max-message-size", "4000000", "--websocket-max-frame-size", "4000000")
    with connect(daphne(project(), *more).ws("/ws/"), max_size=None) as client:
        client.send(b"x" * 2_000_000)
        assert len(client.recv(timeout=30)) == 2_000_000


# Tests


def suite(project, run, test: str, consumers: str = CONSUMERS) -> Process:
    """A test file run by pytest in a project of its own."""
    folder = project(
        consumers=consumers,
        **{
            "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = config.settings\n"
            "asyncio_mode = auto\npythonpath = .\n",
            "tests/test_it.py": test,
        },
    )
    return run(folder, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider")


def test_communicator_cancelled(project, run, entry):
    suite(project, run, entry.wrong[0]).wait_for(entry.message)


def test_url_route(project, run, entry):
    consumer = CONSUMERS + (
        "\n    async def connect(self):\n"
        '        self.kwargs = self.scope["url_route"]["kwargs"]\n        await self.accept()\n'
    )
    suite(project, run, entry.wrong[0], consumer).wait_for(entry.message)
