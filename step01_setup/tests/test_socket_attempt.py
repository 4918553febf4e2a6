"""A WebSocket to a project without Channels' routing: what each server answers."""

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


def test_daphne_answers_500_and_its_log_says_why(daphne):
    server = daphne()
    with pytest.raises(InvalidStatus) as refusal, connect(server.url("/ws/heart-rate/", "ws")):
        pass
    assert refusal.value.response.status_code == 500
    server.wait_for("ValueError: Django can only handle ASGI/HTTP connections, not websocket")


def test_the_page_reports_what_the_server_said(daphne, settings):
    server = daphne()
    with httpx.Client(base_url=server.url("")) as browser:
        browser.get("/")
        token = browser.cookies[settings.CSRF_COOKIE_NAME]
        answer = browser.post("/api/try-socket/", headers={"X-CSRFToken": token})
    assert answer.json() == {"status": 500, "reason": "Internal server error"}


def test_trying_needs_the_pages_token(daphne):
    assert httpx.post(daphne().url("/api/try-socket/")).status_code == 403
    assert httpx.get(daphne().url("/api/try-socket/")).status_code == 405


def test_a_server_that_cannot_reach_itself_says_so(client, unused_tcp_port, settings):
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    answer = client.post(
        "/api/try-socket/", SERVER_NAME="127.0.0.1", SERVER_PORT=str(unused_tcp_port)
    )
    assert answer.status_code == 502
    assert answer.json()["error"].startswith("The server could not reach itself:")


def test_under_wsgi_it_asks_by_address_not_by_the_machines_name(client, live_server, settings):
    """On Windows that name often leads to another address than the one the server listens on."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    port = live_server.url.rsplit(":", 1)[1]
    own = {"SERVER_NAME": "name.invalid", "SERVER_PORT": port, "HTTP_HOST": f"127.0.0.1:{port}"}
    assert client.post("/api/try-socket/", **own).json()["status"] == 404
