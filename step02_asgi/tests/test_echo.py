"""The echo: connect, accept, receive, send, disconnect, written by hand."""

import pytest
from channels.testing import WebsocketCommunicator
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from config.asgi import application

PAGE = "steps/step02_asgi/#echo-by-hand"
MIB = 1024 * 1024


async def echoed(**frame):
    """What comes back for one frame."""
    communicator = WebsocketCommunicator(application, "/ws/echo/")
    assert (await communicator.connect())[0]
    await communicator.send_input({"type": "websocket.receive", **frame})
    answer = await communicator.receive_output()
    await communicator.disconnect()
    return answer


@pytest.mark.task(
    title="Accept the connection at /ws/echo/",
    hint="await receive() brings websocket.connect; answer with {'type': 'websocket.accept'}. "
    "Stay in a loop until websocket.disconnect comes.",
    page=PAGE,
)
async def test_the_echo_accepts_and_stays_open():
    communicator = WebsocketCommunicator(application, "/ws/echo/")
    connected, _ = await communicator.connect()
    assert connected
    assert await communicator.receive_nothing()
    await communicator.disconnect()


@pytest.mark.task(
    title="Send every text frame back",
    hint="A websocket.receive event has the key 'text'; answer with "
    "{'type': 'websocket.send', 'text': …}.",
    page=PAGE,
)
async def test_a_text_frame_comes_back_as_it_was():
    for text in ("hi", "{not json", "é ♥", "a\0b", "x" * 100_000):
        assert (await echoed(text=text))["text"] == text


@pytest.mark.task(
    title="Send every binary frame back as bytes",
    hint="A binary frame has the key 'bytes' instead of 'text', and so has its answer.",
    page=PAGE,
)
async def test_a_binary_frame_comes_back_as_bytes():
    assert (await echoed(bytes=b"\x00\xff"))["bytes"] == b"\x00\xff"


async def test_a_key_that_is_none_is_no_key():
    assert (await echoed(text="hi", bytes=None))["text"] == "hi"
    assert (await echoed(text=None, bytes=b"\xff"))["bytes"] == b"\xff"


async def test_the_application_returns_when_the_client_leaves():
    communicator = WebsocketCommunicator(application, "/ws/echo/")
    await communicator.connect()
    await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
    await communicator.wait(timeout=1)
    assert communicator.future.done()


def test_frames_come_back_in_order(daphne):
    sent = [str(number) for number in range(100)] + [b"\x00", "text again"]
    with connect(daphne().url("/ws/echo/", "ws")) as socket:
        for frame in sent:
            socket.send(frame)
        assert [socket.recv(timeout=30) for _ in sent] == sent


def test_one_client_gone_without_a_word_leaves_the_others_alone(daphne):
    server = daphne()
    with connect(server.url("/ws/echo/", "ws")) as stays:
        goes = connect(server.url("/ws/echo/", "ws"))
        goes.send("x" * MIB)
        goes.socket.shutdown(2)  # no close frame, and an echo on its way
        server.wait_for("WSDISCONNECT /ws/echo/")
        stays.send("still here")
        assert stays.recv(timeout=30) == "still here"
        goes.close()
    assert "Traceback" not in server.output


def test_daphne_drops_an_empty_frame_on_its_way_out(daphne):
    with connect(daphne().url("/ws/echo/", "ws")) as socket:
        for frame in ("", b"", "not empty"):
            socket.send(frame)
        assert socket.recv(timeout=30) == "not empty"


def test_text_that_is_not_utf_8_ends_the_connection(daphne):
    with connect(daphne().url("/ws/echo/", "ws")) as socket:
        socket.send(b"\xff", text=True)
        with pytest.raises(ConnectionClosedError) as closed:
            socket.recv(timeout=30)
    assert closed.value.rcvd is None  # Daphne ends the TCP connection, without a close frame


def test_daphne_closes_a_message_above_one_mebibyte(daphne):
    server = daphne()
    with connect(server.url("/ws/echo/", "ws"), max_size=None) as socket:
        socket.send(b"x" * MIB)
        assert len(socket.recv(timeout=30)) == MIB
        with pytest.raises(ConnectionClosedError) as closed:
            socket.send(b"x" * (MIB + 1))
            socket.recv(timeout=30)
    assert closed.value.rcvd is None  # no close frame: a browser says 1006
