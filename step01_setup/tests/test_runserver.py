"""`runserver` with "daphne" in the right place, in the wrong one, and missing."""

import subprocess
import sys

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import STEP, Server


@pytest.fixture
def runserver(unused_tcp_port):
    """Start `manage.py runserver` and wait until it answers."""
    servers = []

    def start(*options: str, banner: str) -> Server:
        server = Server("manage.py", "runserver", "--noreload", *options, f"{unused_tcp_port}")
        servers.append(server)
        server.port = unused_tcp_port
        server.wait_for(banner)
        transport = httpx.HTTPTransport(retries=10)  # the banner comes before the listening
        with httpx.Client(transport=transport) as client:
            client.get(server.url("/api/server/"))
        return server

    yield start
    for server in servers:
        server.stop()


def socket_status(server: Server) -> int:
    """The HTTP status that answers a WebSocket handshake."""
    with pytest.raises(InvalidStatus) as refusal, connect(server.url("/ws/heart-rate/", "ws")):
        pass
    return refusal.value.response.status_code


def test_runserver_is_daphnes(runserver):
    server = runserver(banner="Starting ASGI/Daphne version")
    assert httpx.get(server.url("/api/server/")).json()["interface"] == "ASGI"
    assert httpx.get(server.url("/static/css/look.css")).status_code == 200
    assert socket_status(server) == 500


def test_runserver_noasgi_is_djangos(runserver):
    server = runserver("--noasgi", banner="Starting development server at")
    assert httpx.get(server.url("/api/server/")).json()["interface"] == "WSGI"
    assert httpx.get(server.url("/static/css/look.css")).status_code == 200


# --8<-- [start:without_daphne]
def test_without_daphne_the_handshake_is_a_404(runserver):
    server = runserver(
        "--settings", "tests.settings_without_daphne", banner="Starting development server at"
    )
    assert httpx.get(server.url("/api/server/")).json()["interface"] == "WSGI"
    assert socket_status(server) == 404
    server.wait_for("Not Found: /ws/heart-rate/")


# --8<-- [end:without_daphne]


def test_daphne_after_staticfiles_is_an_error_with_a_name():
    command = [sys.executable, "manage.py", "check", "--settings", "tests.settings_daphne_last"]
    checked = subprocess.run(command, cwd=STEP, capture_output=True, encoding="utf-8")
    assert checked.returncode == 1
    assert "(daphne.E001) Daphne must be listed before django.contrib.staticfiles" in checked.stderr


def test_channels_need_not_be_an_installed_app():
    """In INSTALLED_APPS, "channels" adds one command, runworker, and nothing this course uses."""
    command = [sys.executable, "manage.py", "help", "runworker"]
    helped = subprocess.run(command, cwd=STEP, capture_output=True, encoding="utf-8")
    assert "Unknown command: 'runworker'" in helped.stderr
