"""What happens to a connection, and who is told which code."""

import asyncio
import json

import pytest
import websockets

from tests.sockets import SECONDS, Closed, direct, real

LIFECYCLE = "/ws/lifecycle/"
PAGE = "steps/step03_consumers/"


async def said(socket) -> dict:
    return json.loads(await socket.receive())


@pytest.mark.task(
    title="Count the frames of a connection",
    hint="Set self.count = 0 in connect(), add one in receive(), and answer text with "
    '{"type": "echo", "count": …, "text": …} at ws/lifecycle/.',
    page=f"{PAGE}#scope",
)
async def test_each_connection_counts_for_itself():
    async with direct(LIFECYCLE) as one, direct(LIFECYCLE) as two:
        for socket, count in [(one, 1), (one, 2), (two, 1), (one, 3)]:
            await socket.send("hi")
            assert await said(socket) == {"type": "echo", "count": count, "text": "hi"}


# --8<-- [start:count]
async def test_a_new_connection_begins_at_one(connect):
    for _ in range(2):
        async with connect(LIFECYCLE) as socket:
            await socket.send("hi")
            assert (await said(socket))["count"] == 1


# --8<-- [end:count]


async def test_bytes_come_back_after_a_frame_with_their_count(connect):
    async with connect(LIFECYCLE) as socket:
        await socket.send(b"\x00\xff\x7f")
        assert await said(socket) == {"type": "echo", "count": 1, "bytes": 3}
        assert await socket.receive() == b"\x00\xff\x7f"


@pytest.mark.parametrize("text", ["{", "[]", '{"type": []}', '{"type": "dance"}', "raise", "\x00"])
async def test_text_that_is_no_command_is_echoed(text, connect):
    async with connect(LIFECYCLE) as socket:
        await socket.send(text)
        assert await said(socket) == {"type": "echo", "count": 1, "text": text}


@pytest.mark.task(
    title="Choose a subprotocol the client offered",
    hint='self.scope["subprotocols"] is what the client offers, best first. Give accept() the '
    "first of them that you speak (echo.v1 or echo.v2), or None.",
    page=f"{PAGE}#handshake",
)
async def test_the_first_subprotocol_offered_and_known_is_chosen():
    for offered, chosen in [
        (["echo.v1"], "echo.v1"),
        (["echo.v2", "echo.v1"], "echo.v2"),
        (["chat", "echo.v1"], "echo.v1"),
        (["chat"], None),
        ([], None),
    ]:
        async with direct(LIFECYCLE, *offered) as socket:
            assert socket.subprotocol == chosen


async def test_the_handshake_names_the_chosen_subprotocol(live):
    async with real(live.url(LIFECYCLE, "ws"), "chat", "echo.v2", "echo.v1") as socket:
        assert socket.subprotocol == "echo.v2"
    async with real(live.url(LIFECYCLE, "ws"), "chat") as socket:
        assert socket.subprotocol is None  # this client goes on; a browser does not


# --8<-- [start:refused]
async def test_close_before_accept_is_http_403(live):
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with real(live.url(f"{LIFECYCLE}?refuse=before", "ws")):
            pass
    assert refused.value.response.status_code == 403


async def test_accept_then_close_tells_what_and_why(live):
    async with real(live.url(f"{LIFECYCLE}?refuse=after", "ws")) as socket:
        assert await said(socket) == {
            "type": "closing",
            "code": 4403,
            "reason": "not for you",
        }
        with pytest.raises(Closed) as closed:
            await socket.receive()
        assert closed.value.code == 4403


# --8<-- [end:refused]


@pytest.mark.task(
    title="Refuse so that the browser learns why",
    hint="With ?refuse=after in the query string: accept, send "
    '{"type": "closing", "code": 4403, "reason": …}, then close with 4403.',
    page=f"{PAGE}#handshake",
)
async def test_accept_then_close_delivers_4403():
    async with direct(f"{LIFECYCLE}?refuse=after", "echo.v2") as socket:
        assert socket.subprotocol == "echo.v2"
        closing = await said(socket)
        assert (closing["type"], closing["code"]) == ("closing", 4403)
        with pytest.raises(Closed) as closed:
            await socket.receive()
        assert closed.value.code == 4403


@pytest.mark.parametrize("code", [1000, 3000, 4001, 4999])
async def test_it_closes_with_the_code_asked_for(code, connect):
    async with connect(LIFECYCLE) as socket:
        await socket.send(json.dumps({"type": "close", "code": code, "reason": "as you wish"}))
        assert await said(socket) == {"type": "closing", "code": code, "reason": "as you wish"}
        with pytest.raises(Closed) as closed:
            await socket.receive()
        assert closed.value.code == code


BAD_CLOSE = [
    *({"code": code} for code in [999, 1001, 1005, 1006, 1011, 1012, 2999, 5000, -1, 10**400]),
    *({"code": code} for code in [True, "4001", 4001.0, None, [], {}]),
    *({"code": 4001, "reason": reason} for reason in [1, None, ["x"], "é" * 62, "x" * 124]),
    {"code": 4001, "reason": "\ud800"},
]


@pytest.mark.parametrize("command", BAD_CLOSE, ids=range(len(BAD_CLOSE)))
async def test_a_close_nobody_may_send_gets_an_error_and_stays_open(command, connect):
    async with connect(LIFECYCLE) as socket:
        await socket.send(json.dumps({"type": "close", **command}))
        answer = await said(socket)
        assert (answer["type"], answer["code"]) == ("error", "invalid_message")
        assert answer["detail"]
        await socket.send("still here")
        assert (await said(socket))["text"] == "still here"


async def test_a_reason_may_fill_the_close_frame(connect):
    async with connect(LIFECYCLE) as socket:
        await socket.send(json.dumps({"type": "close", "code": 4001, "reason": "é" * 61 + "x"}))
        assert (await said(socket))["type"] == "closing"


# What the server side saw, told by a second connection.


@pytest.fixture
async def watched(live):
    """`await watched(query)`: a connection, and a way to learn how it ended."""

    class Watched:
        async def __aenter__(self):
            self.watch = await websockets.connect(live.url(f"{LIFECYCLE}watch/me/", "ws"))
            return self

        async def __aexit__(self, *_):
            await self.watch.close()

        def open(self, query: str = ""):
            return websockets.connect(live.url(f"{LIFECYCLE}?watch=me{query}", "ws"))

        async def ended(self) -> int | str:
            frame = json.loads(await asyncio.wait_for(self.watch.recv(), SECONDS))
            assert frame["type"] == "ended"
            return frame["disconnect"]

    async with Watched() as watched:
        yield watched


@pytest.mark.parametrize("code", [1000, 3000, 4001])
async def test_disconnect_gets_the_code_the_client_closed_with(code, watched):
    socket = await watched.open()
    await socket.close(code)
    assert await watched.ended() == code


async def test_disconnect_gets_the_code_the_server_closed_with(watched):
    async with watched.open() as socket:
        await socket.send('{"type": "close", "code": 4001}')
        assert await watched.ended() == 4001


async def test_disconnect_gets_1006_when_the_connection_just_breaks(watched):
    socket = await watched.open()
    socket.transport.abort()
    assert await watched.ended() == 1006


async def test_disconnect_runs_even_for_a_connection_that_was_refused(watched):
    with pytest.raises(websockets.InvalidStatus):
        await watched.open("&refuse=before")
    assert await watched.ended() == 1006


# --8<-- [start:exception]
async def test_an_exception_closes_with_1011_and_skips_disconnect(watched):
    async with watched.open() as socket:
        await socket.send('{"type": "raise"}')
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), SECONDS)
        assert socket.close_code == 1011
    assert await watched.ended() == "not called"


# --8<-- [end:exception]


async def test_an_exception_ends_this_connection_only(watched):
    async with watched.open() as raising, watched.open() as other:
        await raising.send('{"type": "raise"}')
        assert await watched.ended() == "not called"
        await other.send("hi")
        assert json.loads(await asyncio.wait_for(other.recv(), SECONDS))["text"] == "hi"


async def test_a_second_watcher_takes_over_and_survives_the_first(live, watched):
    async with websockets.connect(live.url(f"{LIFECYCLE}watch/me/", "ws")) as newer:
        await watched.watch.close()
        async with watched.open():
            pass
        assert json.loads(await asyncio.wait_for(newer.recv(), SECONDS))["disconnect"] == 1000
