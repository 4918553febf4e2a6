"""The scope: which keys there are, who put them there, and what the inspector keeps to itself."""

import ast
import json

import pytest
from channels.testing import WebsocketCommunicator
from websockets.sync.client import connect

from config.asgi import application


def scope_at(url: str, **options) -> dict:
    """What the inspector says about one connection."""
    with connect(url, **options) as socket:
        return json.loads(socket.recv(timeout=30))


@pytest.fixture
def put_by():
    from handshake.applications import SET_BY

    return lambda who: {key for key, name in SET_BY.items() if name.startswith(who)}


def test_what_daphne_hands_over(daphne, put_by):
    server = daphne(application="tests.asgi_raw_scope:application")
    with connect(server.url("/any/path?a=b%20c", "ws"), subprotocols=["chat"]) as socket:
        scope = ast.literal_eval(socket.recv(timeout=30))
    assert set(scope) == put_by("the server")
    assert "scheme" not in scope and "path_remaining" not in scope
    assert all(type(pair) is tuple for pair in scope["headers"])
    assert {type(item) for pair in scope["headers"] for item in pair} == {bytes}
    assert (scope["path"], scope["query_string"]) == ("/any/path", b"a=b%20c")
    assert scope["subprotocols"] == ["chat"]


def test_what_urlrouter_adds(daphne, put_by):
    message = scope_at(daphne().url("/ws/scope/", "ws"))
    assert set(message["scope"]) == put_by("the server") | put_by("URLRouter")
    assert message["scope"]["path_remaining"] == ""
    assert message["scope"]["url_route"] == {"args": [], "kwargs": {}}


def test_what_the_middleware_adds(daphne):
    bare, wrapped = (
        scope_at(url, additional_headers={"Cookie": "theme=dark"})
        for base in [daphne().url("", "ws")]
        for url in (base + "/ws/scope/", base + "/ws/scope/auth/")
    )
    assert set(wrapped["scope"]) - set(bare["scope"]) == {"cookies", "session", "user"}
    assert wrapped["scope"]["user"] == "<AnonymousUser>"
    assert wrapped["scope"]["session"] == "<SessionStore>"
    assert wrapped["set_by"]["user"] == "AuthMiddleware"


def test_the_accept_shown_is_the_one_the_client_got(daphne):
    with connect(daphne().url("/ws/scope/", "ws")) as socket:
        shown = json.loads(socket.recv(timeout=30))["accept"]
        assert socket.response.headers["Sec-WebSocket-Accept"] == shown


SECRETS = [b"c00kie", b"c00kie2", b"nameless", b"b4sic", b"t0ken", b"t0ken2", b"jw7.a.b"]


@pytest.mark.parametrize("path", ["/ws/scope/", "/ws/scope/auth/"])
async def test_names_are_shown_and_secrets_are_not(path):
    communicator = WebsocketCommunicator(
        application,
        f"{path}?room=1&token=t0ken&access%5Ftoke%6E=t0ken2=x&flag",
        headers=[
            (b"cookie", b"theme=c00kie; csrf=c00kie2; nameless"),
            (b"authorization", b"Basic b4sic"),
            (b"sec-websocket-protocol", b"bearer.jw7.a.b, chat"),
        ],
        subprotocols=["bearer.jw7.a.b", "chat"],
    )
    assert (await communicator.connect())[0]
    text = await communicator.receive_from()
    await communicator.disconnect()
    assert [secret for secret in SECRETS if secret.decode() in text] == []
    scope = json.loads(text)["scope"]
    assert scope["query_string"] == "room=1&token=•••&access%5Ftoke%6E=•••&flag"
    assert scope["subprotocols"] == ["bearer.•••", "chat"]
    assert scope["headers"] == [
        ["cookie", "theme=•••; csrf=•••; •••"],
        ["authorization", "Basic •••"],
        ["sec-websocket-protocol", "bearer.•••, chat"],
    ]


async def test_a_key_from_elsewhere_is_shown_as_such():
    """Another server, or a middleware of one's own."""
    communicator = WebsocketCommunicator(application, "/ws/scope/")
    communicator.scope |= {"scheme": "ws", "state": {"since": 1.5}, "tenant": object()}
    await communicator.connect()
    message = await communicator.receive_json_from()
    await communicator.disconnect()
    assert message["set_by"]["tenant"] == "somebody this table does not know"
    assert message["scope"]["state"] == {"since": 1.5}
    assert message["scope"]["tenant"] == "<object>"


async def test_any_header_can_be_shown():
    """Header values are bytes, and need not be UTF-8."""
    communicator = WebsocketCommunicator(application, "/ws/scope/", headers=[(b"x", b"\xff\0")])
    await communicator.connect()
    message = await communicator.receive_json_from()
    await communicator.disconnect()
    assert message["scope"]["headers"] == [["x", "ÿ\0"]]


def test_the_page_loads(client):
    assert "js/handshake.js" in client.get("/handshake/").content.decode()
