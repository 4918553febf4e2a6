"""One consumer, two servers, one browser: what docs/concepts/close-codes.md says of each."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from tests.conftest import ROOT, Server

STEP = ROOT / "step03_consumers"
pytestmark = pytest.mark.slow

# Open, act, and tell how it ended: the CloseEvent, and what disconnect() got.
PLAY = """async ([query, protocols, sent, close]) => {
  const base = `ws://${location.host}/ws/lifecycle/`;
  const watch = new WebSocket(`${base}watch/me/`);
  await new Promise((resolve) => { watch.onopen = resolve; });
  const told = new Promise((resolve) => {
    watch.onmessage = ({ data }) => resolve(JSON.parse(data).disconnect);
  });
  const socket = new WebSocket(`${base}?watch=me${query}`, protocols);
  const closed = new Promise((resolve) => {
    socket.onclose = ({ code, reason }) => resolve([code, reason]);
  });
  socket.onopen = () => {
    if (sent) socket.send(sent);
    if (close) socket.close(...close);
  };
  const ended = [...await closed, await told];
  watch.close();
  return ended;
}"""


@pytest.fixture
def uvicorn() -> Iterator:
    """Start uvicorn for a project: `uvicorn(directory)`."""
    servers: list[Server] = []

    def start(directory) -> Server:
        command = [sys.executable, "-m", "uvicorn", "--port", "0", "--lifespan", "off"]
        server = Server([*command, "config.asgi:application"], directory)
        servers.append(server)
        server.port = int(server.wait_for(r"running on http://127\.0\.0\.1:(\d+)")[1])
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(
    params=["daphne", pytest.param("uvicorn", marks=pytest.mark.needs("uvicorn"))],
    ids=["daphne", "uvicorn"],
)
def server(request) -> tuple[str, callable]:
    return request.param, request.getfixturevalue(request.param)


# What happens: query, protocols offered, frame sent, arguments of close().
ENDS = {
    "the page closes with 4001": ("", [], None, [4001, "bye"]),
    "the page closes without a code": ("", [], None, []),
    "the consumer closes with 4001": ("", [], '{"type":"close","code":4001,"reason":"x"}', None),
    "the consumer raises": ("", [], '{"type":"raise"}', None),
    "refused before accepting": ("&refuse=before", [], None, None),
    "accepted, then closed with 4403": ("&refuse=after", [], None, None),
    "accepted with the subprotocol, then closed": ("&refuse=after", ["echo.v2"], None, None),
    "refused so, but no subprotocol in common": ("&refuse=after", ["chat"], None, None),
}
# The browser's code and reason, and what disconnect() gets.
SEEN = {
    "daphne": {
        "the page closes with 4001": [1000, "", 4001],
        "the page closes without a code": [1000, "", None],
        "the consumer closes with 4001": [4001, "", 4001],
        "the consumer raises": [1011, "", "not called"],
        "refused before accepting": [1006, "", 1006],
        "accepted, then closed with 4403": [4403, "", 4403],
        "accepted with the subprotocol, then closed": [4403, "", 4403],
    },
    "uvicorn": {
        "the page closes with 4001": [4001, "bye", 4001],
        "the page closes without a code": [1005, "", 1005],
        "the consumer closes with 4001": [4001, "x", 4001],
        "the consumer raises": [1006, "", "not called"],
        "refused before accepting": [1006, "", 1006],
        "accepted, then closed with 4403": [4403, "not for you", 4403],
        "accepted with the subprotocol, then closed": [4403, "not for you", 4403],
    },
}


def test_who_is_told_which_code(page, server):
    name, start = server
    page.goto(start(STEP).http("/"))
    seen = {what: page.evaluate(PLAY, list(action)) for what, action in ENDS.items()}
    # What disconnect() gets here is a race: the browser leaves while the server closes.
    assert seen.pop("refused so, but no subprotocol in common")[0] == 1006
    assert seen == SEEN[name]


OPENED = """() => new Promise((resolve) => {
  const socket = new WebSocket(`ws://${location.host}/ws/lifecycle/?watch=tab`);
  socket.onopen = () => resolve();
})"""


def test_a_page_that_goes_away_is_1001(page, server):
    name, start = server
    running = start(STEP)
    page.goto(running.http("/"))
    with connect(running.ws("/ws/lifecycle/watch/tab/")) as watch:
        page.evaluate(OPENED)
        page.goto("about:blank")
        assert json.loads(watch.recv(timeout=10))["disconnect"] == 1001


CLOSER = """
from channels.generic.websocket import AsyncWebsocketConsumer


class Consumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        await self.close(int(self.scope["query_string"]))
"""
CODES = [1000, 3000, 4001, 4999, 1001, 1008, 1011, 1012, 1013]
CLOSED = """(codes) => Promise.all(codes.map((code) => new Promise((done) => {
  const socket = new WebSocket(`ws://${location.host}/ws/?${code}`);
  socket.onclose = (event) => done(event.code);
})))"""


def test_which_codes_an_application_may_close_with(page, server, project):
    name, start = server
    page.goto(start(project(consumers=CLOSER)).http("/"))
    seen = page.evaluate(CLOSED, CODES)
    if name == "daphne":
        assert seen == [1000, 3000, 4001, 4999, 1011, 1011, 1011, 1011, 1011]
    else:
        assert seen == CODES
