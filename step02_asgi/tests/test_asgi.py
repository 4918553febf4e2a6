"""Who answers: Channels' routing, the same by hand, and a handshake that nobody takes."""

import os
import subprocess
import sys
import time

import httpx
import pytest
from channels.testing import WebsocketCommunicator
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from config.asgi import application
from tests.conftest import STEP

CHANNELS, PLAIN = "config.asgi:application", "config.asgi_plain:application"


def refusal(server, path: str) -> int:
    """The HTTP status that ends a handshake."""
    with pytest.raises(InvalidStatus) as refused, connect(server.url(path, "ws")):
        pass
    return refused.value.response.status_code


@pytest.mark.task(
    title="Route a WebSocket to an application that refuses it",
    hint="config/asgi.py: a ProtocolTypeRouter whose 'websocket' is a URLRouter with one path, "
    "ws/refused/. The application awaits receive() once and sends websocket.close.",
    page="steps/step02_asgi/#route-it",
)
async def test_the_routing_reaches_an_application_that_refuses():
    connected, _ = await WebsocketCommunicator(application, "/ws/refused/").connect()
    assert not connected


@pytest.mark.parametrize("entry_point", [CHANNELS, PLAIN])
def test_one_process_serves_pages_and_sockets(daphne, entry_point):
    server = daphne(application=entry_point)
    assert httpx.get(server.url("/")).status_code == 200
    with connect(server.url("/ws/echo/", "ws")) as socket:
        socket.send("hello")
        assert socket.recv(timeout=30) == "hello"


@pytest.mark.parametrize("entry_point", [CHANNELS, PLAIN])
def test_close_before_accept_is_http_403(daphne, entry_point):
    assert refusal(daphne(application=entry_point), "/ws/refused/") == 403


def test_an_unknown_path_is_http_500_through_urlrouter(daphne):
    server = daphne()
    assert refusal(server, "/ws/nowhere/") == 500
    server.wait_for("ValueError: No route found for path 'ws/nowhere/'")


def test_an_unknown_path_is_what_we_make_it_by_hand(daphne):
    assert refusal(daphne(application=PLAIN), "/ws/nowhere/") == 403


def patience(server) -> float:
    """The seconds until the server cuts a handshake that its application does not answer."""
    started = time.monotonic()
    with pytest.raises(InvalidMessage), connect(server.url("/ws/silent/", "ws")):
        pass  # no HTTP status: the TCP connection ends
    return time.monotonic() - started


def test_neither_accept_nor_close_is_cut_after_about_five_seconds(daphne):
    assert 4 < patience(daphne()) < 7


def test_the_patience_is_an_option(daphne):
    assert patience(daphne("--websocket_connect_timeout", "1")) < 3


def test_without_an_http_key_every_page_is_an_error(daphne):
    server = daphne(application="tests.asgi_without_http:application")
    assert httpx.get(server.url("/")).status_code == 500
    server.wait_for("ValueError: No application configured for scope type 'http'")
    with connect(server.url("/ws/echo/", "ws")) as socket:
        socket.send("sockets go on")
        assert socket.recv(timeout=30) == "sockets go on"


def test_importing_models_before_get_asgi_application_fails():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    started = subprocess.run(
        [sys.executable, "-c", "import tests.asgi_too_early"],
        cwd=STEP,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert started.returncode == 1
    assert "AppRegistryNotReady: Apps aren't loaded yet." in started.stderr


async def test_a_scope_type_nobody_expects_is_an_error():
    from config import asgi_plain

    for entry_point in (application, asgi_plain.application):
        with pytest.raises(ValueError, match="lifespan"):
            await entry_point({"type": "lifespan"}, None, None)


def test_a_server_that_is_gone_refuses_the_connection(daphne):
    server = daphne()
    server.stop()
    with pytest.raises((OSError, InvalidHandshake)), connect(server.url("/ws/echo/", "ws")):
        pass
