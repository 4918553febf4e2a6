"""Part A: two browsers, one group, nothing stored."""

import asyncio
import re

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from tests.sockets import direct

CHEERS = "/ws/cheers/"
PAGE = "steps/step04_groups/#a-two-browsers-one-group"
# Cheers need no database, but Channels looks after its connections at each event.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.task(
    title="Tell each connection its channel's name",
    hint="After accept(), send 'your channel is ' and self.channel_name at ws/cheers/.",
    page=PAGE,
    part="A",
)
async def test_each_connection_has_a_channel_name_of_its_own():
    async with direct(CHEERS) as one, direct(CHEERS) as two:
        names = [await one.receive(), await two.receive()]
        assert all(re.fullmatch(r"your channel is \S+", name) for name in names)
        assert names[0] != names[1]


@pytest.mark.task(
    title="Reach the other browser",
    hint="Add self.channel_name to a group in connect(); in receive(), group_send "
    '{"type": "cheer", "text": …}; that calls cheer(event) in every member\'s consumer.',
    page=PAGE,
    part="A",
)
async def test_a_cheer_reaches_everybody_and_the_sender_too():
    async with direct(CHEERS) as one, direct(CHEERS) as two:
        await one.receive(), await two.receive()
        await one.send("go!")
        assert await one.receive() == "go!"
        assert await two.receive() == "go!"


@pytest.mark.task(
    title="Leave the group",
    hint="group_discard in disconnect(): a member that is gone still costs a message each time.",
    page=PAGE,
    part="A",
)
async def test_who_has_left_is_in_no_group():
    async with direct(CHEERS) as one:
        await one.receive()
        async with direct(CHEERS) as two:
            name = (await two.receive()).removeprefix("your channel is ")
            assert any(name in members for members in get_channel_layer().groups.values())
        assert not any(name in members for members in get_channel_layer().groups.values())
        await one.send("go!")
        assert await one.receive() == "go!"


async def test_nothing_is_stored_who_comes_later_gets_nothing():
    async with direct(CHEERS) as one:
        await one.receive()
        await one.send("before")
        await one.receive()
        async with direct(CHEERS) as late:
            await late.receive()
            await one.send("after")
            assert await late.receive() == "after"


async def test_a_cheer_travels_between_real_connections(connect):
    async with connect(CHEERS) as one, connect(CHEERS) as two:
        await one.receive(), await two.receive()
        await two.send(b"bytes are not passed on")
        await two.send("go!")
        assert await one.receive() == "go!"


# --8<-- [start:queue]
class Busy(AsyncWebsocketConsumer):
    """In the middle of receive(), a message of the layer comes in."""

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.send(self.channel_name, {"type": "cheer"})
        await asyncio.sleep(0.05)
        await self.send("received")

    async def cheer(self, event):
        await self.send("cheered")


async def test_the_layers_messages_wait_for_the_handler_that_runs():
    browser = WebsocketCommunicator(Busy.as_asgi(), "/")
    await browser.connect()
    await browser.send_to("go!")
    assert [await browser.receive_from() for _ in range(2)] == ["received", "cheered"]
    await browser.disconnect()


# --8<-- [end:queue]


class Later(Busy):
    """Three messages of the layer wait while receive() runs."""

    handled = handled_at_its_end = 0

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "go!":
            for _ in range(3):
                await self.channel_layer.send(self.channel_name, {"type": "cheer"})
            await asyncio.sleep(0.05)
        await self.send(text_data)

    async def disconnect(self, code):
        Later.handled_at_its_end = self.handled

    async def cheer(self, event):
        self.handled += 1
        await super().cheer(event)


async def test_a_frame_overtakes_what_waits_from_the_layer():
    browser = WebsocketCommunicator(Later.as_asgi(), "/")
    await browser.connect()
    await browser.send_to("go!")
    await browser.send_to("a frame")
    got = [await browser.receive_from() for _ in range(5)]
    assert got.index("a frame") < got.index("cheered", 2)
    await browser.disconnect()


async def test_after_a_disconnect_nothing_of_the_layer_is_handled():
    browser = WebsocketCommunicator(Later.as_asgi(), "/")
    await browser.connect()
    await browser.send_to("go!")
    await browser.disconnect()
    assert Later.handled_at_its_end < 3


def test_the_page_says_how_to_open_a_second_window(client):
    assert b"second window" in client.get("/cheers/").content
