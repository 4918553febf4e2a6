"""What a channel layer carries, keeps and loses: the facts that the pages cite, each run here."""

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError
from redis.exceptions import TimeoutError as ReadTimeout

SECONDS = 30  # no test waits longer for a message
LAYERS = {
    "in-memory": InMemoryChannelLayer,
    "core": RedisChannelLayer,
    "pubsub": RedisPubSubChannelLayer,
}
REDIS = [pytest.param(name, marks=pytest.mark.needs("redis")) for name in ("core", "pubsub")]


@asynccontextmanager
async def layer_of(name: str, request: pytest.FixtureRequest, **config):
    """A layer of this kind, flushed at the end: its connections are closed then."""
    if name != "in-memory":
        config = {"hosts": [request.getfixturevalue("redis")], **config}
    layer = LAYERS[name](**config)
    yield layer
    await layer.flush()


async def member(layer, group: str) -> str:
    """A channel in a group: what a consumer is to its layer."""
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


async def drain(layer, channel: str, last: int) -> list[int]:
    """The numbers that arrive, up to `last`."""
    numbers = []
    async with asyncio.timeout(SECONDS):
        while last not in numbers:
            numbers.append((await layer.receive(channel))["number"])
    return numbers


async def send_all(layer, group: str, count: int) -> None:
    for number in range(1, count + 1):
        await layer.group_send(group, {"type": "count", "number": number})


# What can be sent


# --8<-- [start:datetime]
@pytest.mark.parametrize("name", ["in-memory", *REDIS])
async def test_a_datetime_passes_in_memory_and_fails_on_redis(name, request):
    event = {"type": "moved", "starts_at": datetime(2026, 1, 5, 18, tzinfo=UTC)}
    async with layer_of(name, request) as layer:
        channel = await member(layer, "class.1")
        if name == "in-memory":
            await layer.group_send("class.1", event)
            assert await layer.receive(channel) == event
        else:
            with pytest.raises(TypeError, match="can not serialize 'datetime.datetime' object"):
                await layer.group_send("class.1", event)


# --8<-- [end:datetime]


@pytest.mark.parametrize("name", ["in-memory", *REDIS])
async def test_names_are_checked_by_all_but_pub_sub(name, request):
    async with layer_of(name, request) as layer:
        if name == "pubsub":
            channel = await member(layer, "two words")
            await layer.group_send("two words", {"type": "count", "number": 1})
            assert await drain(layer, channel, 1) == [1]
        else:
            with pytest.raises(TypeError, match="Group name must be a valid unicode string"):
                await member(layer, "two words")


# What is lost


# --8<-- [start:capacity]
@pytest.mark.parametrize("name", ["in-memory", *REDIS])
async def test_over_capacity_messages_vanish_and_nothing_is_raised(name, request, caplog):
    """150 messages to somebody who does not read: 100 are kept; by Pub/Sub, all."""
    caplog.set_level(logging.INFO)
    async with layer_of(name, request) as layer:
        channel = await member(layer, "room.1")
        await send_all(layer, "room.1", 150)
        kept = 150 if name == "pubsub" else 100
        assert await drain(layer, channel, kept) == [*range(1, kept + 1)]
        await layer.group_send("room.1", {"type": "count", "number": 151})
        assert await drain(layer, channel, 151) == [151]
    said = "1 of 1 channels over capacity in group room.1"
    assert caplog.messages.count(said) == (50 if name == "core" else 0)


# --8<-- [end:capacity]


@pytest.mark.parametrize("name", ["in-memory", pytest.param("core", marks=REDIS[0].marks)])
async def test_a_send_to_one_channel_does_raise_when_it_is_full(name, request):
    async with layer_of(name, request, capacity=3) as layer:
        channel = await layer.new_channel()
        for _ in range(3):
            await layer.send(channel, {"type": "count"})
        with pytest.raises(ChannelFull):
            await layer.send(channel, {"type": "count"})


@pytest.mark.needs("redis")
async def test_core_counts_capacity_for_a_process_not_for_a_channel(request):
    """60 messages to each of two consumers of one process: 60 and 40 arrive."""
    async with layer_of("core", request) as layer:
        one, two = await member(layer, "room.1"), await member(layer, "room.2")
        await send_all(layer, "room.1", 60)
        await send_all(layer, "room.2", 60)
        assert await drain(layer, one, 60) == [*range(1, 61)]
        assert await drain(layer, two, 40) == [*range(1, 41)]
        await layer.group_send("room.2", {"type": "count", "number": 61})
        assert await drain(layer, two, 61) == [61]


@pytest.mark.needs("redis")
async def test_core_drops_the_oldest_of_a_consumer_that_lags_behind(request, caplog):
    """One reads each message at once, the other none of 150: it then finds the last 100."""
    caplog.set_level(logging.INFO)
    async with layer_of("core", request) as layer:
        quick, slow = await member(layer, "room.1"), await member(layer, "room.1")
        for number in range(1, 151):
            await layer.group_send("room.1", {"type": "count", "number": number})
            assert await drain(layer, quick, number) == [number]
        assert await drain(layer, slow, 150) == [*range(51, 151)]
    assert not caplog.messages  # and nobody is told


@pytest.mark.needs("redis")
@pytest.mark.parametrize("name", ["core", "pubsub"])
async def test_a_redis_that_was_restarted_has_forgotten_the_groups_of_core(name, redis_server):
    """Pub/Sub subscribes again by itself; a member of a group of core has to be added again."""
    first = redis_server()
    layer = LAYERS[name](hosts=[first.url])
    channel = await member(layer, "room.1")
    await layer.group_send("room.1", {"type": "count", "number": 1})
    assert await drain(layer, channel, 1) == [1]
    first.stop()
    with pytest.raises((ConnectionError, RedisConnectionError)):
        await layer.group_send("room.1", {"type": "count", "number": 2})
    redis_server("--port", str(first.port))
    if name == "core":
        await layer.group_send("room.1", {"type": "count", "number": 3})
        await layer.group_add("room.1", channel)
        await layer.group_send("room.1", {"type": "count", "number": 4})
        assert await drain(layer, channel, 4) == [4]
    else:
        heard = asyncio.ensure_future(layer.receive(channel))
        async with asyncio.timeout(SECONDS):
            while not heard.done():
                await layer.group_send("room.1", {"type": "count", "number": 3})
                await asyncio.wait([heard], timeout=0.1)
        assert (await heard)["number"] == 3
    await layer.flush()


# What separates two projects on one Redis


@pytest.mark.needs("redis")
async def test_pub_sub_does_not_know_database_numbers_and_core_does(request):
    url = request.getfixturevalue("redis")
    heard = {}
    for name in ("core", "pubsub"):
        async with (
            layer_of(name, request, hosts=[url]) as zero,
            layer_of(name, request, hosts=[url.removesuffix("/0") + "/1"]) as one,
        ):
            channel = await member(zero, "everyone")
            await one.group_send("everyone", {"type": "count", "number": 1})
            await zero.group_send("everyone", {"type": "count", "number": 2})
            heard[name] = await drain(zero, channel, 2)
    assert heard == {"core": [2], "pubsub": [1, 2]}


@pytest.mark.needs("redis")
@pytest.mark.parametrize("name", ["core", "pubsub"])
async def test_a_prefix_keeps_them_apart_on_both(name, request):
    async with (
        layer_of(name, request, prefix="ann") as ann,
        layer_of(name, request, prefix="ben") as ben,
    ):
        channel = await member(ann, "everyone")
        await ben.group_send("everyone", {"type": "count", "number": 1})
        await ann.group_send("everyone", {"type": "count", "number": 2})
        assert await drain(ann, channel, 2) == [2]


# redis-py's own limits, which reach a consumer as an exception


@pytest.mark.needs("redis")
@pytest.mark.parametrize("allowed", [None, 2000])
async def test_core_needs_more_connections_than_redis_py_gives(allowed, request):
    """150 sends at once, and redis-py's pool ends at 100."""
    limit = {"max_connections": allowed} if allowed else {}
    hosts = [{"address": request.getfixturevalue("redis"), **limit}]
    async with layer_of("core", request, hosts=hosts, capacity=1000) as layer:
        channel = await layer.new_channel()
        sends = [layer.send(channel, {"type": "count", "number": n}) for n in range(150)]
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        refused = [outcome for outcome in outcomes if outcome is not None]
        assert all(isinstance(outcome, MaxConnectionsError) for outcome in refused)
        assert bool(refused) == (allowed is None)


@pytest.mark.slow
@pytest.mark.needs("redis")
async def test_core_needs_a_longer_read_than_redis_py_8_gives(request):
    """The layer waits 5 s for a message, and redis-py stops reading after 5 s (channels_redis#422).

    A socket that hears nothing for that long ends with 1011.
    """
    url = request.getfixturevalue("redis")
    hosts = [{"address": url, "socket_timeout": 15}]
    async with layer_of("core", request) as short, layer_of("core", request, hosts=hosts) as long:
        patient = asyncio.ensure_future(long.receive(channel := await long.new_channel()))
        with pytest.raises(ReadTimeout, match="Timeout reading from"):
            await short.receive(await short.new_channel())
        assert not patient.done()
        await long.send(channel, {"type": "count", "number": 1})
        assert (await asyncio.wait_for(patient, SECONDS))["number"] == 1


async def test_in_memory_a_message_that_expires_unread_makes_its_channel_deaf(monkeypatch):
    """A handler takes longer than `expiry` while a message waits."""
    layer = InMemoryChannelLayer()
    await member(layer, "room.1")
    await layer.group_send("room.1", {"type": "count", "number": 1})
    later = time.time() + layer.expiry + 1
    monkeypatch.setattr("channels.layers.time", SimpleNamespace(time=lambda: later))
    await layer.group_send("room.1", {"type": "count", "number": 2})
    assert layer.groups == {"room.1": {}}, "though it is connected"
