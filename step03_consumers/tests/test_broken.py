"""What the mistakes of broken.py lead to, behind a real Daphne."""

import pytest
import websockets

from tests.sockets import Closed, real


@pytest.fixture
def broken(daphne):
    return daphne("--application-close-timeout", "1", application="tests.broken:application")


async def test_json_nobody_checked_closes_with_1011(broken):
    async with real(broken.url("/unchecked/", "ws")) as socket:
        await socket.send('{"bpm": 142}')
        assert await socket.receive() == '{"bpm": 142}'
        await socket.send('{"bpm": ')
        with pytest.raises(Closed) as closed:
            await socket.receive()
    assert closed.value.code == 1011
    broken.wait_for("JSONDecodeError")


async def test_bytes_for_a_receive_that_takes_text_only_close_with_1011(broken):
    async with real(broken.url("/text-only/", "ws")) as socket:
        await socket.send("hi")
        assert await socket.receive() == "hi"
        await socket.send(b"hi")
        with pytest.raises(Closed) as closed:
            await socket.receive()
    assert closed.value.code == 1011
    broken.wait_for("unexpected keyword argument 'bytes_data'")


async def test_a_consumer_that_never_stops_is_killed_by_the_server(broken):
    async with real(broken.url("/endless/", "ws")):
        pass
    broken.wait_for("took too long to shut down and was killed")


async def test_a_route_to_the_class_itself_is_http_500(broken):
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with real(broken.url("/no-as-asgi/", "ws")):
            pass
    assert refused.value.response.status_code == 500
