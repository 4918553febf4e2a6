"""Part D between processes: real Daphnes, a real redis-server, commands and a Celery worker."""

import asyncio
import json
import re
import sys
from contextlib import asynccontextmanager

import httpx
import pytest
import websockets
from conftest import Process, Server
from redis import Redis

from .conftest import manage

SECONDS = 30  # no test waits longer for a frame
LAYERS = ["core", "pubsub"]
CLASSES = {
    "core": "RedisChannelLayer",
    "pubsub": "RedisPubSubChannelLayer",
    "": "InMemoryChannelLayer",
}


class Guest:
    """A real client of a real server."""

    def __init__(self, connection: websockets.ClientConnection):
        self.connection = connection

    async def hear(self) -> dict:
        return json.loads(await asyncio.wait_for(self.connection.recv(), SECONDS))

    async def get(self, type: str) -> dict:
        """The next frame of this type; others before it are passed over."""
        while (frame := await self.hear())["type"] != type:
            pass
        return frame

    async def text(self) -> str:
        """The text of the next frame, which is an announcement."""
        frame = await self.hear()
        assert frame["type"] == "announcement", frame
        return frame["text"]

    async def say(self, type: str, **fields) -> None:
        await self.connection.send(json.dumps({"type": type, **fields}))


@asynccontextmanager
async def connect(server: Server, path: str, until: str):
    """A guest whose frames up to one of this type are read: it is in its groups."""
    async with websockets.connect(server.ws(path)) as connection:
        guest = Guest(connection)
        await guest.get(until)
        yield guest


def listen(server: Server, query: str = ""):
    return connect(server, f"/ws/alerts/{query}", "picked")


async def from_the_view(server: Server, text: str) -> None:
    """Announce as staff do, in the browser."""
    async with httpx.AsyncClient(base_url=server.http(), timeout=SECONDS) as browser:

        async def post(path: str, **fields: str) -> httpx.Response:
            page = (await browser.get(path)).text
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
            action = "/alerts/announce/" if path == "/alerts/" else path
            return await browser.post(action, data={**fields, "csrfmiddlewaretoken": token})

        login = await post("/admin/login/", username="sam", password="sam", next="/alerts/")
        assert login.status_code == 302, login.text
        assert (await post("/alerts/", text=text, level="everyone")).status_code == 302


async def run(project, *arguments: str, **environment: str):
    return await asyncio.to_thread(manage, project, *arguments, **environment)


# In memory


@pytest.mark.slow
async def test_in_memory_a_second_process_is_refused_and_would_reach_nobody(project, daphne):
    server = daphne(project)
    async with listen(server) as guest:
        refused = await run(project, "announce", "hello")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "this process only" in refused.stderr
        assert "REDIS_URL" in refused.stderr
        # Without the refusal it looks like success …
        lost = "from alerts.services import announce; announce('lost')"
        unrefused = await run(project, "shell", "--command", lost)
        assert unrefused.returncode == 0
        # … and arrives nowhere: the next that comes is what the server itself sends.
        await from_the_view(server, "from the server")
        assert await guest.text() == "from the server"


# Two servers and one Redis


@pytest.fixture
def two_servers(project, daphne, redis):
    """Two Daphnes that share a Redis: `a, b, environment = two_servers("core")`."""

    def start(layer: str):
        environment = {"REDIS_URL": redis, "CHANNEL_LAYER": layer}
        return (*[daphne(project, env=environment) for _ in "ab"], environment)

    return start


@pytest.mark.slow
@pytest.mark.needs("redis")
@pytest.mark.parametrize("layer", LAYERS)
async def test_the_command_reaches_the_guests_of_two_servers_once(layer, project, two_servers):
    a, b, environment = two_servers(layer)
    async with (
        listen(a, "?class=1") as yoga,
        listen(b, "?class=2") as spinning,
        listen(b, "?class=3") as boxing,
    ):
        for level in (["for all"], ["for North", "--club", "1"], ["for yoga", "--class", "1"]):
            sent = await run(project, "announce", *level, **environment)
            assert (sent.returncode, sent.stderr) == (0, "")
        await from_the_view(a, "from a view")
        for guest, texts in {
            yoga: ["for all", "for North", "for yoga", "from a view"],
            spinning: ["for all", "for North", "from a view"],
            boxing: ["for all", "from a view"],
        }.items():
            assert [await guest.text() for _ in texts] == texts


@pytest.mark.needs("redis")
@pytest.mark.parametrize("layer", LAYERS)
async def test_what_is_said_at_one_server_is_heard_at_the_other_once(layer, two_servers):
    a, b, _ = two_servers(layer)
    # Names of this run: the servers of the one before ended without waiting for guests to leave.
    path = f"/ws/chat/lobby/?name={layer}-"
    async with connect(a, f"{path}Ann", "online") as ann, connect(b, f"{path}Ben", "online") as ben:
        await ann.get("user_joined")
        texts = [f"{layer} {number}" for number in range(3)]
        for text in texts:
            await ann.say("chat_message", message=text)
        for guest in (ann, ben):
            heard = [await guest.get("chat_message") for _ in texts]
            assert [frame["message"] for frame in heard] == texts
            first = heard[0]["number"]
            assert [frame["number"] for frame in heard] == [first, first + 1, first + 2]


@pytest.mark.slow
@pytest.mark.needs("redis")
@pytest.mark.parametrize("layer", LAYERS)
async def test_a_prefix_keeps_two_participants_apart(layer, project, daphne, redis):
    ann, ben = (
        {"REDIS_URL": redis, "CHANNEL_LAYER": layer, "REDIS_PREFIX": name} for name in ("an", "ben")
    )
    a, b = daphne(project, env=ann), daphne(project, env=ben)
    async with listen(a) as of_ann, listen(b) as of_ben:
        assert (await run(project, "announce", "for Ann's", **ann)).returncode == 0
        assert (await run(project, "announce", "for Ben's", **ben)).returncode == 0
        assert (await of_ann.text(), await of_ben.text()) == ("for Ann's", "for Ben's")


@pytest.mark.needs("redis")
async def test_the_command_says_that_redis_is_down(project):
    sent = await run(project, "announce", "hello", REDIS_URL="redis://127.0.0.1:1/0")
    assert sent.returncode == 1
    assert sent.stderr == "CommandError: No connection to 127.0.0.1:1. Is Redis running there?\n"


# An idle socket

SHORT = """
from config.settings import *

CHANNEL_LAYERS["default"]["CONFIG"]["hosts"] = [REDIS_URL]
"""


@pytest.mark.slow
@pytest.mark.needs("redis")
async def test_an_idle_socket_of_core_lives_by_its_socket_timeout(project, daphne, redis):
    """redis-py 8 stops reading after 5 s: without the setting, that is the end of a consumer."""
    (project / "short_settings.py").write_text(SHORT, encoding="utf-8")
    environment = {"REDIS_URL": redis, "CHANNEL_LAYER": "core"}
    ours = daphne(project, env=environment)
    short = daphne(project, env={**environment, "DJANGO_SETTINGS_MODULE": "short_settings"})
    async with listen(ours) as guest, listen(short) as cut:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await cut.hear()
        assert closed.value.rcvd.code == 1011
        assert (await run(project, "announce", "still here", **environment)).returncode == 0
        assert await guest.text() == "still here"


# check_channels


@pytest.mark.needs("redis")
@pytest.mark.parametrize("layer", CLASSES)
async def test_check_channels_says_the_layer_and_the_latency(layer, project, redis):
    environment = {"REDIS_URL": redis, "CHANNEL_LAYER": layer} if layer else {}
    checked = await run(project, "check_channels", **environment)
    assert (checked.returncode, checked.stderr) == (0, "")
    line = rf"{CLASSES[layer]}: channel (\d+\.\d) ms, group (\d+\.\d) ms\n"
    latencies = re.match(line, checked.stdout).groups()
    assert all(float(latency) < 1000 for latency in latencies)
    with Redis.from_url(redis) as client:
        assert client.keys() == []  # nothing is left behind


@pytest.mark.slow
@pytest.mark.needs("redis")
@pytest.mark.parametrize(
    ("password", "layer", "says"),
    [
        ("", "core", "refuses the password in REDIS_URL, or asks for one."),
        (":wrong@", "pubsub", "refuses the password in REDIS_URL, or asks for one."),
        (":right@", "core", "DB index is out of range"),
    ],
)
async def test_check_channels_says_what_redis_refuses(password, layer, says, redis_server, project):
    """What goes wrong without a redis-server is in the step's own tests."""
    url = f"redis://{password}127.0.0.1:{redis_server('--requirepass', 'right').port}/99"
    checked = await run(project, "check_channels", REDIS_URL=url, CHANNEL_LAYER=layer)
    assert (checked.returncode, checked.stdout) == (1, "")
    assert checked.stderr.startswith(f"CommandError: {CLASSES[layer]}: "), checked.stderr
    assert checked.stderr.endswith(f"{says}\n")
    assert checked.stderr.count("\n") == 1, checked.stderr
    assert "wrong" not in checked.stderr and "right" not in checked.stderr


# A Celery worker


@pytest.fixture
def worker(project, redis):
    """Celery's own worker, in a process of its own, as the page starts it."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-P", "solo"]
    process = Process([*command, "-l", "INFO"], project, {"REDIS_URL": redis})
    process.wait_for(r"celery@\S+ ready")
    yield process
    process.stop()


@pytest.mark.slow
@pytest.mark.needs("redis")
@pytest.mark.needs("celery")
async def test_a_task_reaches_those_who_picked_the_class(project, daphne, redis, worker):
    environment = {"REDIS_URL": redis}
    server = daphne(project, env=environment)
    async with listen(server, "?class=1") as yoga, listen(server, "?class=3") as boxing:
        remind = "from alerts.tasks import remind; remind.delay(1); remind.delay(3)"
        queued = await run(project, "shell", "--command", remind, **environment)
        assert queued.returncode == 0, queued.stderr
        assert await yoga.text() == "yoga, 05 Jan 18:00 starts soon."
        assert await boxing.text() == "boxing, 05 Jan 18:00 starts soon."
