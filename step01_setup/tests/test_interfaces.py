"""One project, two entry points: what a view can tell about the one that called it."""

import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest

from config.wsgi import application as wsgi_application


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        """Keep the test's output to the test."""


@pytest.fixture
def wsgi_url(settings):
    """The project behind Python's own WSGI server."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]  # pytest-django switches DEBUG off
    with make_server("127.0.0.1", 0, wsgi_application, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


# --8<-- [start:both]
def test_both_entry_points_answer(daphne, wsgi_url):
    for base in (daphne().url(""), wsgi_url):
        for path in ("/", "/api/heart-rate/", "/api/server/"):
            assert httpx.get(base + path).status_code == 200


# --8<-- [end:both]


def test_daphne_calls_through_asgi_and_the_view_sees_the_scope(daphne):
    response = httpx.get(daphne().url("/api/server/"))
    assert response.headers["server"] == "daphne"
    answer = response.json()
    assert (answer["interface"], answer["http_version"]) == ("ASGI", "1.1")
    assert {"type", "headers", "path", "client"} <= set(answer["scope_keys"])


def test_a_wsgi_server_calls_the_same_view_without_a_scope(wsgi_url):
    response = httpx.get(f"{wsgi_url}/api/server/")
    assert response.headers["server"].startswith("WSGIServer")
    assert response.json() == {"interface": "WSGI", "http_version": "1.1", "scope_keys": []}


def test_the_heart_rate_is_a_number_no_cache_may_keep(client):
    response = client.get("/api/heart-rate/")
    assert 81 <= response.json()["bpm"] <= 176
    assert "no-store" in response["Cache-Control"]


def test_reading_is_get_only(client):
    for path in ("/", "/api/heart-rate/", "/api/server/"):
        assert client.post(path).status_code == 405


def test_wsgi_runs_async_views(wsgi_url, settings):
    settings.ROOT_URLCONF = "tests.rumours"
    assert httpx.get(f"{wsgi_url}/async/").json()["loop"]


def test_wsgi_streams_server_sent_events(wsgi_url, settings):
    settings.ROOT_URLCONF = "tests.rumours"
    with httpx.stream("GET", f"{wsgi_url}/sse/") as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert list(response.iter_lines()) == ["data: 81", "", "data: 82", "", "data: 83", ""]
