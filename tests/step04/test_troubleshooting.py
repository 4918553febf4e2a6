"""The entries of docs/troubleshooting.md on the channel layer: `test_no_handler` is `no-handler`.

As in tests/test_troubleshooting.py, the wrong code and the message come from the page itself.
"""

import asyncio
import logging
import re
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import channels.layers
import channels_redis.core
import pytest
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer
from conftest import CONSUMERS, ROUTING, SETTINGS, make_project
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from .conftest import manage
from .test_layers import REDIS, drain, layer_of, member, send_all

IN_MEMORY = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
EVERYONE = """
from channels.generic.websocket import AsyncWebsocketConsumer


class Consumer(AsyncWebsocketConsumer):
    groups = ["everyone"]

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send("everyone", {"type": "said", "text": text_data})

    async def said(self, event):
        await self.send(event["text"])
"""


@pytest.fixture
def serve(tmp_path, daphne):
    """A Daphne with this consumer at /ws/ and this layer, its database migrated."""

    def start(consumers: str, layer=IN_MEMORY, **files):
        settings = f"{SETTINGS}\nCHANNEL_LAYERS = {{'default': {layer}}}\n"
        files = {"settings": settings, "consumers": consumers, **files}
        folder = make_project(tmp_path / f"project{len(list(tmp_path.iterdir()))}", **files)
        migrated = manage(folder, "migrate", "--verbosity", "0")
        assert migrated.returncode == 0, migrated.stderr
        return daphne(folder)

    return start


def closed_with(client) -> int:
    """The close code the server sends next."""
    with pytest.raises(ConnectionClosed) as end:
        client.recv(timeout=15)
    return end.value.rcvd.code


# Consumers and groups


@pytest.mark.slow
def test_no_handler(serve, entry):
    server = serve(entry.wrong[0])
    with connect(server.ws("/ws/")) as one, connect(server.ws("/ws/")) as two:
        one.send("go!")
        assert [closed_with(one), closed_with(two)] == [1011, 1011]
    server.wait_for(rf"{entry.message}[\s\S]*{entry.message}")


@pytest.mark.slow
def test_group_name(serve, entry):
    server = serve(entry.wrong[0], routing=ROUTING.replace('"ws/"', '"ws/<str:room>/"'))
    with connect(server.ws("/ws/lobby/")):
        pass
    for room in ("caf%C3%A9", "two%20words", "x" * 100):
        since = len(server.lines)
        with pytest.raises(InvalidStatus) as answer, connect(server.ws(f"/ws/{room}/")):
            pass
        assert answer.value.response.status_code == 500
        server.wait_for(entry.message, since=since)


@pytest.mark.slow
def test_who_is_online(serve, entry):
    server = serve(entry.wrong[0])
    with connect(server.ws("/ws/")) as ann:
        ann.send("Ann")
        assert ann.recv(timeout=30) == "Ann"
        ann.send("raise")
        assert closed_with(ann) == 1011
    with connect(server.ws("/ws/")) as bob:
        bob.send("Bob")
        assert bob.recv(timeout=30) == "Ann, Bob"  # Ann has left
    # Nor does a layer know: it offers no more than this.
    for layer in (InMemoryChannelLayer, RedisChannelLayer):
        offered = {name for name in dir(layer) if name.startswith("group_")}
        assert offered - {"group_name_regex"} == {"group_add", "group_discard", "group_send"}


@pytest.mark.slow
def test_before_commit(serve, entry):
    told_before = "async_to_sync(self.channel_layer.group_send)"
    assert told_before in entry.wrong[0]
    server = serve(entry.wrong[0])
    with connect(server.ws("/ws/")) as client, connect(server.ws("/ws/")) as other:
        client.send("Ann")
        assert other.recv(timeout=30) == "Ann exists: True"
        client.send("Bob, and then something fails")
        assert other.recv(timeout=30) == "Bob, and then something fails exists: False"
    on_commit = f"transaction.on_commit(lambda: {told_before}('everyone', event)) or print"
    server = serve(entry.wrong[0].replace(told_before, on_commit))
    with connect(server.ws("/ws/")) as client, connect(server.ws("/ws/")) as other:
        client.send("Cid, and then something fails")
        assert closed_with(client) == 1011
        with connect(server.ws("/ws/")) as next_client:
            next_client.send("Dan")
            assert other.recv(timeout=30) == "Dan exists: True"


# Lost


@pytest.mark.slow
@pytest.mark.needs("redis")
def test_reaches_nobody(serve, entry, redis):
    server = serve(EVERYONE)
    with connect(server.ws("/ws/")) as client:
        done = manage(server.folder, "shell", "--command", entry.wrong[0])
        assert (done.returncode, done.stderr) == (0, "")
        client.send("from the server")
        assert client.recv(timeout=30) == "from the server"
    shared = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}
    server = serve(EVERYONE, {**shared, "CONFIG": {"hosts": [redis]}})
    with connect(server.ws("/ws/")) as client:
        client.send("from the server")
        assert client.recv(timeout=30) == "from the server"  # it is in the group
        done = manage(server.folder, "shell", "--command", entry.wrong[0])
        assert (done.returncode, done.stderr) == (0, "")
        assert client.recv(timeout=30) == "from another process"


@pytest.mark.needs("redis")
async def test_over_capacity(entry, request, caplog):
    caplog.set_level(logging.INFO)
    async with layer_of("core", request) as layer:
        channel = await member(layer, "room.1")
        await send_all(layer, "room.1", 101)
        assert await drain(layer, channel, 100) == [*range(1, 101)]
    (line,) = caplog.messages
    assert re.fullmatch(entry.message, line)


@pytest.mark.needs("redis")
async def test_capacity_per_process(request):
    async with layer_of("core", request) as layer:
        mine, yours = await member(layer, "room.1"), await member(layer, "room.2")
        await send_all(layer, "room.1", 60)
        await send_all(layer, "room.2", 60)
        assert len(await drain(layer, mine, 60)) == 60
        assert len(await drain(layer, yours, 40)) == 40
        await layer.group_send("room.2", {"type": "count", "number": 61})
        assert await drain(layer, yours, 61) == [61]


@pytest.mark.needs("redis")
async def test_burst(request):
    """50 sockets of one process, 300 messages for all of them, all at once."""

    address = request.getfixturevalue("redis")
    hosts = [{"address": address, "max_connections": 2000, "socket_timeout": 15}]
    config = {"core": {"hosts": hosts}, "pubsub": {}}

    async def delivered(name: str) -> int:
        async with layer_of(name, request, **config[name]) as layer:
            channels = [await member(layer, "room.1") for _ in range(50)]
            readers = [asyncio.create_task(count_until_the_end(layer, it)) for it in channels]
            event = {"type": "count", "number": 1}
            await asyncio.gather(*(layer.group_send("room.1", event) for _ in range(300)))
            for channel in channels:
                await send_when_there_is_room(layer, channel, {"type": "end"})
            async with asyncio.timeout(30):
                return sum(await asyncio.gather(*readers))

    assert await delivered("core") < 15_000
    assert await delivered("pubsub") == 15_000


async def count_until_the_end(layer, channel: str) -> int:
    number = 0
    while (await layer.receive(channel))["type"] != "end":
        number += 1
    return number


async def send_when_there_is_room(layer, channel: str, event: dict) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                return await layer.send(channel, event)
            except ChannelFull:  # the readers are at it
                await asyncio.sleep(0.01)


def test_out_of_order(serve, entry):
    server = serve(entry.wrong[0])
    with connect(server.ws("/ws/")) as one, connect(server.ws("/ws/")) as two:
        one.send("0.5")
        one.ping().wait(10)  # it has been read: this is number 1
        two.send("0")
        assert [two.recv(timeout=30) for _ in range(2)] == ["2", "1"]


@pytest.mark.parametrize("name", ["in-memory", *REDIS])
async def test_deaf_after_a_day(name, request, monkeypatch):
    """A day passes by the layer's clock, for a member that is connected all the time."""
    async with layer_of(name, request) as layer:
        channel = await member(layer, "room.1")
        await layer.group_send("room.1", {"type": "count", "number": 1})
        tomorrow = SimpleNamespace(time=lambda: time.time() + 86_402)
        assert await drain(layer, channel, 1) == [1]
        for module in (channels.layers, channels_redis.core):
            monkeypatch.setattr(module, "time", tomorrow)
        await layer.group_send("room.1", {"type": "count", "number": 2})
        await layer.group_add("room.1", channel)
        await layer.group_send("room.1", {"type": "count", "number": 3})
        # Pub/Sub forgets nobody.
        assert await drain(layer, channel, 3) == ([2, 3] if name == "pubsub" else [3])


# Raised


@pytest.mark.needs("redis")
async def test_cannot_serialize(entry, request):
    event = {"type": "moved", "starts_at": datetime(2026, 1, 5, 18, tzinfo=UTC)}
    await InMemoryChannelLayer().group_send("class.1", event)
    for name in ("core", "pubsub"):
        async with layer_of(name, request) as layer:
            await member(layer, "class.1")
            with pytest.raises(TypeError) as raised:
                await layer.group_send("class.1", event)
            assert re.fullmatch(entry.message, f"TypeError: {raised.value}")


@pytest.mark.needs("redis")
async def test_too_many_connections(entry, request):
    async with layer_of("core", request, capacity=1000) as layer:
        channel = await layer.new_channel()
        sends = [layer.send(channel, {"type": "count", "number": n}) for n in range(150)]
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
    raised = [f"{type(e).__module__}.{type(e).__name__}: {e}" for e in outcomes if e]
    assert raised and all(re.fullmatch(entry.message, line) for line in raised)


@pytest.mark.slow
@pytest.mark.needs("redis")
def test_idle_core_socket(serve, entry, redis):
    written = entry.wrong[0]
    assert "redis://127.0.0.1:6379/0" in written
    settings = SETTINGS + written.replace("redis://127.0.0.1:6379/0", redis)
    server = serve(CONSUMERS, settings=settings)
    with connect(server.ws("/ws/")) as client:
        assert closed_with(client) == 1011  # nobody said anything for five seconds
    server.wait_for(entry.message)


def test_channel_capacity(entry):
    with pytest.raises(ValueError) as raised:
        InMemoryChannelLayer(channel_capacity={"room!*": 500}).get_capacity("room!abc")
    assert re.match(entry.message, f"ValueError: {raised.value}")
    assert RedisChannelLayer(channel_capacity={"room!*": 500}).get_capacity("room!abc") == 500
