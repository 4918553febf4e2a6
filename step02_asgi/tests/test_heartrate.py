"""The pushed heart rate: what is new, and only while somebody listens."""

import asyncio
import itertools
import json
import time
from types import SimpleNamespace

import pytest
from channels.testing import WebsocketCommunicator
from websockets.sync.client import connect

from config.asgi import application


@pytest.fixture
def fast_clock(monkeypatch):
    """A second of the recording passes in a thousandth."""
    ticks = itertools.count(0.999)
    monkeypatch.setattr("heartrate.applications.time", SimpleNamespace(time=lambda: next(ticks)))


async def listening() -> WebsocketCommunicator:
    communicator = WebsocketCommunicator(application, "/ws/heart-rate/")
    assert (await communicator.connect())[0]
    return communicator


@pytest.mark.task(
    title="Push the heart rate at /ws/heart-rate/",
    hint='After accepting, send {"type": "heart_rate", "bpm": …} as JSON text without being asked.',
    page="steps/step02_asgi/#push-instead-of-poll",
)
async def test_the_heart_rate_comes_without_being_asked_for():
    communicator = await listening()
    message = await communicator.receive_json_from()
    assert message["type"] == "heart_rate"
    assert 81 <= message["bpm"] <= 176
    await communicator.disconnect()


@pytest.mark.usefixtures("fast_clock")
async def test_only_changes_are_sent():
    """The recording begins 81 81 81 83 83 84 85 85 84."""
    communicator = await listening()
    received = [(await communicator.receive_json_from())["bpm"] for _ in range(5)]
    assert received == [81, 83, 84, 85, 84]
    await communicator.disconnect()


@pytest.mark.usefixtures("fast_clock")
async def test_what_the_client_says_changes_nothing():
    communicator = await listening()
    await communicator.send_to(text_data="{not json")
    await communicator.send_to(bytes_data=b"\xff")
    received = [(await communicator.receive_json_from())["bpm"] for _ in range(2)]
    assert received == [81, 83]
    await communicator.disconnect()


async def test_when_the_client_leaves_the_application_ends_at_once_and_leaves_no_task(monkeypatch):
    monkeypatch.setattr("heartrate.applications.time", SimpleNamespace(time=lambda: 0.0))
    before = asyncio.all_tasks()
    communicator = await listening()
    await communicator.receive_from()
    started = time.monotonic()  # from here on it sleeps for a second
    await communicator.disconnect(timeout=5)
    assert time.monotonic() - started < 0.9
    assert asyncio.all_tasks() == before


async def test_a_server_that_stops_takes_the_pushing_with_it():
    before = asyncio.all_tasks()
    communicator = await listening()
    communicator.future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await communicator.future
    assert asyncio.all_tasks() == before


async def test_an_error_while_pushing_is_not_hidden(monkeypatch):
    def broken(seconds):
        raise OSError("no recording")

    monkeypatch.setattr("heartrate.applications.bpm_at", broken)
    communicator = await listening()
    with pytest.raises(ExceptionGroup) as error:
        await communicator.wait(timeout=1)
    assert [str(inner) for inner in error.value.exceptions] == ["no recording"]


def test_every_listener_gets_every_push(daphne):
    url = daphne().url("/ws/heart-rate/", "ws")
    with connect(url) as one, connect(url) as other:
        for socket in (one, other):
            assert json.loads(socket.recv(timeout=30))["type"] == "heart_rate"


def test_the_page_loads(client):
    assert "js/heartrate.js" in client.get("/").content.decode()
