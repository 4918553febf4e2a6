"""One behaviour, five consumers: the same tests for all that share it."""

import json

import pytest

from tests.sockets import direct, real

KINDS = ["async-websocket", "websocket", "async-consumer", "sync-consumer"]


async def check_echo(name: str) -> None:
    """Text comes back as the same text, bytes as the same bytes, in order."""
    async with direct(f"/ws/echo/{name}/") as socket:
        for frame in ["hi", b"\x00\xff", "é😀", "second"]:
            await socket.send(frame)
            assert await socket.receive() == frame


@pytest.mark.task(
    title="Echo text and bytes with an AsyncWebsocketConsumer",
    hint="Override receive(self, text_data=None, bytes_data=None), await self.send(…) in it, "
    "and route the class's .as_asgi() at ws/echo/async-websocket/.",
    page="steps/step03_consumers/#echo",
)
async def test_an_async_websocket_consumer_echoes():
    await check_echo("async-websocket")


@pytest.mark.task(
    title="The same with a WebsocketConsumer",
    hint="The same method without async and await, at ws/echo/websocket/.",
    page="steps/step03_consumers/#other-kinds",
)
async def test_a_websocket_consumer_echoes():
    await check_echo("websocket")


@pytest.mark.task(
    title="The same with an AsyncConsumer: the ASGI events themselves",
    hint="Three methods: websocket_connect sends websocket.accept, websocket_receive sends "
    "websocket.send, websocket_disconnect raises StopConsumer. At ws/echo/async-consumer/.",
    page="steps/step03_consumers/#other-kinds",
)
async def test_an_async_consumer_echoes():
    await check_echo("async-consumer")


@pytest.mark.task(
    title="The same with a SyncConsumer",
    hint="The three methods again, without async and await, at ws/echo/sync-consumer/.",
    page="steps/step03_consumers/#other-kinds",
)
async def test_a_sync_consumer_echoes():
    await check_echo("sync-consumer")


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_echoes_through_a_real_server_too(name, live):
    async with real(live.url(f"/ws/echo/{name}/", "ws")) as socket:
        for frame in ["hi", b"\x00\xff", "é😀", "x" * 100_000, bytes(100_000)]:
            await socket.send(frame)
            assert await socket.receive() == frame


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_answers_in_order(name, connect):
    async with connect(f"/ws/echo/{name}/") as socket:
        frames = [str(number) for number in range(20)]
        for frame in frames:
            await socket.send(frame)
        assert [await socket.receive() for _ in frames] == frames


@pytest.mark.parametrize("name", [*KINDS, "json"])
async def test_every_kind_ends_when_the_browser_goes(name):
    async with direct(f"/ws/echo/{name}/") as socket:
        pass
    # The application has returned: no StopConsumer, and this would have timed out.
    assert socket.communicator.future.done()


# --8<-- [start:empty]
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("empty", ["", b""])
async def test_the_consumer_echoes_an_empty_frame(name, empty):
    async with direct(f"/ws/echo/{name}/") as socket:
        await socket.send(empty)
        assert await socket.receive() == empty


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("empty", ["", b""])
async def test_but_daphne_drops_it_on_the_way_out(name, empty, live):
    async with real(live.url(f"/ws/echo/{name}/", "ws")) as socket:
        await socket.send(empty)
        await socket.send("after")
        assert await socket.receive() == "after"


# --8<-- [end:empty]


async def test_two_connections_do_not_hear_each_other(connect):
    path = "/ws/echo/async-websocket/"
    async with connect(path) as one, connect(path) as two:
        await one.send("one")
        await two.send("two")
        assert (await one.receive(), await two.receive()) == ("one", "two")


@pytest.mark.task(
    title="Echo JSON objects with an AsyncJsonWebsocketConsumer",
    hint="receive_json gets the object, send_json sends it. What is no JSON object is refused "
    "where it arrives: override receive, and answer with an error frame instead of raising.",
    page="steps/step03_consumers/#other-kinds",
)
async def test_a_json_object_comes_back_and_bad_json_gets_an_error():
    async with direct("/ws/echo/json/") as socket:
        await socket.send('{"bpm": 142}')
        assert json.loads(await socket.receive()) == {"bpm": 142}
        await socket.send('{"bpm": ')
        answer = json.loads(await socket.receive())
        assert (answer["type"], answer["code"]) == ("error", "invalid_message")


OBJECTS = [
    {},
    {"text": "é😀\u0000", "list": [1, 2.5, True, None], "nested": {"a": {"b": {}}}},
    {"big": 2**63, "key with spaces": ""},
]


@pytest.mark.parametrize("content", OBJECTS)
async def test_json_objects_come_back_whole(content, connect):
    async with connect("/ws/echo/json/") as socket:
        await socket.send(json.dumps(content))
        assert json.loads(await socket.receive()) == content


# --8<-- [start:bad]
BAD = {
    "not JSON": ("hi", "not JSON"),
    "empty": ("", "not JSON"),
    "binary": (b'{"a": 1}', "binary"),
    "an array": ("[1]", "not a JSON object"),
    "a string": ('"hi"', "not a JSON object"),
    "NaN": ('{"a": NaN}', "NaN"),
    "-Infinity": ('{"a": -Infinity}', "-Infinity"),
    "too large": ('{"a": 1e999}', "too large"),
    "a lone surrogate": (r'{"a": "\ud800"}', "surrogate"),
    "a lone surrogate as a key": (r'{"\udfff": 1}', "surrogate"),
    "5,000 digits": ('{"a": %s}' % ("9" * 5000), "digits"),
    "deep nesting": ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_json_gets_an_error_and_the_socket_stays_open(name, connect):
    frame, detail = BAD[name]
    async with connect("/ws/echo/json/") as socket:
        await socket.send(frame)
        answer = json.loads(await socket.receive())
        assert (answer["type"], answer["code"]) == ("error", "invalid_message")
        assert detail in answer["detail"]
        await socket.send('{"still": "open"}')
        assert json.loads(await socket.receive()) == {"still": "open"}


# --8<-- [end:bad]


async def test_nesting_at_any_depth_is_echoed_or_refused(connect):
    """Reading and writing hit Python's limit at different depths; neither may end the socket."""
    async with connect("/ws/echo/json/") as socket:
        for depth in [*range(850, 1010), *range(1_000, 12_000, 250)]:
            await socket.send('{"a":' * depth + "1" + "}" * depth)
            answer = await socket.receive()
            assert answer.startswith('{"a": {"a": ') or "nested too deeply" in answer
