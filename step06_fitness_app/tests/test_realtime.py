"""The backbone by itself: a consumer of this file's own, without any app."""

import asyncio
import inspect
import json
import threading
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from asgiref.sync import SyncToAsync
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async as in_thread
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.urls import path
from msgspec import Struct

from accounts.middleware import TokenAuthMiddleware
from config.routing import websocket_urlpatterns
from realtime import groups
from realtime import messages as wire
from realtime.consumers import PersonConsumer
from realtime.numbered import NumberedMixin
from realtime.publish import in_loop, publish, publish_on_commit
from realtime.rights import Refused
from tests.people import knock, visit

pytestmark = pytest.mark.django_db(transaction=True)
GROUP = groups.challenge(999)


class Say(Struct, tag_field="type", tag="say"):
    """Say it to everybody."""

    text: str


class Said(Struct, tag_field="type", tag="said"):
    """Somebody said it."""

    text: str
    username: str


class Parrot(PersonConsumer):
    """Tell everybody what somebody says. `log` is what became of each."""

    messages = SimpleNamespace(decode=wire.decoder(wire.Authenticate | Say))
    log: list = []

    async def enter(self):
        await self.join(GROUP)
        await self.reply(Said("hello", self.user.username))

    async def handle(self, message):
        self.log.append(message.text)
        if message.text == "crash":
            raise ZeroDivisionError
        if message.text == "refuse":
            raise Refused(4403, "not that")
        await publish(GROUP, Said(message.text, self.user.username))

    async def leave(self):
        self.log.append(f"{self.user.username} left")


@pytest.fixture(autouse=True)
def log(monkeypatch) -> list:
    log: list = []
    monkeypatch.setattr(Parrot, "log", log)
    return log


def served(consumer=Parrot):
    """The consumer behind the log-in, at /parrot/."""
    router = URLRouter([path("parrot/", consumer.as_asgi())])
    return AuthMiddlewareStack(TokenAuthMiddleware(router))


def parrot(username: str, consumer=Parrot):
    return visit("/parrot/", username, application=served(consumer))


async def slots() -> int:
    """How many connections of anybody are counted."""
    ids = [user_id async for user_id in User.objects.values_list("pk", flat=True)]
    places = range(settings.CONNECTIONS_PER_USER)
    keys = [f"limits.slot.{user_id}.{number}" for user_id in ids for number in places]
    return len(await in_thread(cache.get_many)(keys))


@pytest.fixture
def members(monkeypatch) -> set:
    """Which channel is in which group, as far as the layer was told."""
    layer, members = get_channel_layer(), set()
    group_add, group_discard = layer.group_add, layer.group_discard

    async def add(group, channel):
        members.add((group, channel))
        await group_add(group, channel)

    async def discard(group, channel):
        await group_discard(group, channel)
        members.discard((group, channel))

    monkeypatch.setattr(layer, "group_add", add)
    monkeypatch.setattr(layer, "group_discard", discard)
    return members


# How big it is


def lines_of(thing) -> int:
    return len(inspect.getsource(thing).splitlines())


def test_the_base_has_fewer_than_150_lines_and_each_consumer_fewer_than_120():
    assert lines_of(PersonConsumer) < 150
    for route in websocket_urlpatterns:
        consumer = route.callback.consumer_class
        assert issubclass(consumer, PersonConsumer)
        assert lines_of(inspect.getmodule(consumer)) < 120, consumer  # imports and all


# A broadcast does not wait for the database


class Queue:
    """The one thread that database work of this process waits for, taken by somebody slow."""

    async def __aenter__(self):
        self.end = threading.Event()
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hold():
            loop.call_soon_threadsafe(begun.set)
            self.end.wait(10)

        self.task = asyncio.create_task(in_thread(hold)())
        await begun.wait()

    async def __aexit__(self, *problem):
        self.end.set()
        await self.task


async def test_no_frame_waits_while_a_query_runs(people):
    async with parrot("ada") as ada, parrot("ben") as ben:
        await ada.hear(), await ben.hear()
        async with Queue():
            await ada.say("say", text="now")
            assert (await ben.hear())["text"] == "now"


async def test_with_channels_own_dispatch_it_would_wait(people):
    with patch.object(PersonConsumer, "dispatch", AsyncWebsocketConsumer.dispatch):
        async with parrot("ada") as ada, parrot("ben") as ben:
            await ada.hear(), await ben.hear()
            async with Queue():
                await ada.say("say", text="later")
                assert await ben.communicator.receive_nothing(0.3)
            assert (await ben.hear())["text"] == "later"


async def test_a_frame_is_encoded_once_for_all_who_hear_it(people):
    async with parrot("ada") as ada, parrot("ben") as ben, parrot("cleo") as cleo:
        for person in (ada, ben, cleo):
            await person.hear()
        with (
            patch("realtime.publish.encode", side_effect=wire.encode) as in_publish,
            patch("realtime.messages.encode", side_effect=wire.encode) as anywhere,
        ):
            await ada.say("say", text="once")
            heard = [await person.receive() for person in (ada, ben, cleo)]
        assert len(set(heard)) == 1
        assert (in_publish.call_count, anywhere.call_count) == (1, 0)


# publish


@pytest.fixture
def sent(monkeypatch) -> list:
    """What the layer was given for groups."""
    sent = []

    async def group_send(group, event):
        sent.append((group, json.loads(event["text"])["text"], event["number"]))

    monkeypatch.setattr(get_channel_layer(), "group_send", group_send)
    return sent


def test_what_is_not_committed_is_not_published(db, sent):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publish_on_commit(GROUP, Said("never", "ada"), 1)
        1 / 0  # noqa: B018
    with transaction.atomic():
        publish_on_commit(GROUP, Said("one", "ada"), 1)
        publish_on_commit(GROUP, Said("two", "ada"))
        assert sent == []
    assert sent == [(GROUP, "one", 1), (GROUP, "two", None)]


def test_a_layer_that_is_away_undoes_nothing(db, monkeypatch, caplog):
    async def fail(group, event):
        raise ConnectionError("the layer is away")

    monkeypatch.setattr(get_channel_layer(), "group_send", fail)
    cache.set("stored", False)
    with transaction.atomic():
        publish_on_commit(GROUP, Said("one", "ada"), 1)
        transaction.on_commit(lambda: cache.set("stored", True))
    assert cache.get("stored")
    assert "the layer is away" in caplog.text


# dispatch


OTHERS = ["user", "joined", "is_out", "watch", "permit", "leave", "refuse", "handle"]  # no handlers


@pytest.mark.parametrize("type", ["nobody.knows.this", "_private", "", None, 7, *OTHERS])
async def test_a_group_message_that_nobody_knows_ends_no_socket(people, type, caplog):
    """Channels raises, and each member of the group is closed with 1011."""
    async with parrot("ada") as ada:
        await ada.hear()
        event = {"type": type} if type is not None else {"no": "type"}
        await get_channel_layer().group_send(GROUP, {"group": GROUP, **event})
        await ada.say("say", text="still here")
        assert (await ada.hear())["text"] == "still here"
    assert "Parrot has no handler for" in caplog.text


async def test_a_handler_that_crashes_ends_its_own_socket_only(people, log):
    async with parrot("ben") as ben:
        await ben.hear()
        with pytest.raises(ZeroDivisionError):
            async with parrot("ada") as ada:
                await ada.say("say", text="crash")
                await ada.ended()
        await ben.say("say", text="still here")
        assert (await ben.hear())["text"] == "still here"
    assert log == ["crash", "ada left", "still here", "ben left"]


async def test_a_handler_may_refuse(people, log):
    async with parrot("ada") as ada:
        await ada.hear()
        await ada.say("say", text="refuse")
        await ada.say("say", text="and more")
        assert await ada.closed() == (4403, "not that")
        await publish(GROUP, Said("to all", "ben"))
        assert await ada.communicator.receive_nothing()
    assert log == ["refuse", "ada left"]


async def test_what_waited_while_somebody_was_put_out_is_not_handled(people, log, settings):
    """The watcher looks again, a message comes meanwhile, and the look says: out."""

    class Slow(Parrot):
        async def look_again(self):
            self.looked.set()
            await self.go_on.wait()
            raise Refused(4403, "no longer")

        async def dispatch(self, message):
            if message["type"] == "websocket.receive":
                self.arrived.set()  # goes on at once, up to where it waits for its turn
            await super().dispatch(message)

    async def alternative(self, message):
        """The look at `is_out` before the turn, as it was once."""
        if self.is_out and message["type"] != "websocket.disconnect":
            return
        async with self.turn:
            await getattr(self, message["type"].replace(".", "_"))(message)

    settings.RECHECK_SECONDS = 0.1
    for dispatch, handled in [(PersonConsumer.dispatch, False), (alternative, True)]:
        with patch.object(PersonConsumer, "dispatch", dispatch):
            Slow.looked, Slow.arrived, Slow.go_on = (asyncio.Event() for _ in range(3))
            async with parrot("ada", Slow) as ada:
                await asyncio.wait_for(Slow.looked.wait(), 5)
                await ada.say("say", text="too late")
                await asyncio.wait_for(Slow.arrived.wait(), 5)
                Slow.go_on.set()
                assert await ada.closed() == (4403, "no longer")
            assert ("too late" in log) is handled


# What a connection takes, it gives back


async def test_who_was_refused_at_the_door_never_leaves(people, log, members):
    class Closed(Parrot):
        def permit(self):
            raise Refused(4403, "not here")

    async with parrot("ada", Closed) as ada:
        assert await ada.closed() == (4403, "not here")
    assert log == []
    assert (await slots(), members) == (0, set())


async def test_who_was_refused_on_the_way_in_leaves(people, log, members):
    class HalfOpen(Parrot):
        async def enter(self):
            await self.join(GROUP)
            raise Refused(4400, "not like that")

    async with parrot("ada", HalfOpen) as ada:
        assert await ada.closed() == (4400, "not like that")
    assert log == ["ada left"]
    assert (await slots(), members) == (0, set())


@pytest.mark.parametrize("broken", ["group_discard", "leave", "free_slots"])
async def test_one_part_that_fails_at_the_end_keeps_no_other(
    people, log, members, monkeypatch, broken
):
    async def fail(*args):
        raise ConnectionError("away")

    def fail_sync(*args):
        raise ConnectionError("away")

    layer = get_channel_layer()
    with pytest.raises(ConnectionError):
        async with parrot("ada") as ada:
            await ada.hear()
            if broken == "group_discard":
                monkeypatch.setattr(layer, "group_discard", fail)
            elif broken == "leave":
                monkeypatch.setattr(Parrot, "leave", fail)
            else:
                monkeypatch.setattr("realtime.limits.free_slots", fail_sync)
    assert await slots() == (broken == "free_slots")
    assert bool(members) == (broken == "group_discard")
    assert log == ([] if broken == "leave" else ["ada left"])


async def test_who_is_cut_off_while_a_slot_is_taken_gives_it_back(people, monkeypatch):
    from realtime import limits

    begun, go_on, take_slot = threading.Event(), threading.Event(), limits.take_slot

    def take_slowly(*args):
        begun.set()
        go_on.wait(10)
        return take_slot(*args)

    monkeypatch.setattr(limits, "take_slot", take_slowly)
    with pytest.raises(asyncio.CancelledError):
        async with parrot("ada") as ada:
            await asyncio.to_thread(begun.wait, 5)
            ada.communicator.future.cancel()
            asyncio.get_running_loop().call_later(0.05, go_on.set)
            await ada.ended()
    await in_thread(lambda: None)()  # whatever waited for the thread is done
    assert await slots() == 0


async def test_who_is_cut_off_while_joining_is_in_no_group(people, members, monkeypatch, settings):
    layer = get_channel_layer()
    group_add, added = layer.group_add, asyncio.Event()

    async def add_and_wait(group, channel):
        await group_add(group, channel)
        if group == GROUP:
            added.set()
            await asyncio.sleep(10)

    monkeypatch.setattr(layer, "group_add", add_and_wait)
    with pytest.raises(asyncio.CancelledError):
        async with parrot("ada") as ada:
            await asyncio.wait_for(added.wait(), 5)
            ada.communicator.future.cancel()
            await ada.ended()
    # The hub's one channel may stay a member: what comes for nobody, it drops.
    assert not members or (settings.HUB and {group for group, _ in members} == {GROUP})


# Streams


class Row:
    def __init__(self, number: int):
        self.number = number


class Stream(NumberedMixin, Parrot):
    """Of the numbers up to `newest`."""

    newest = 3

    async def enter(self):
        await self.begin(GROUP)

    def read(self, *, after=None, before=None):
        first = self.newest - 1 if after is None else after + 1
        return [Row(number) for number in range(max(1, first), self.newest + 1)][:2]

    async def send_page(self, page):
        await self.reply(Said(str([row.number for row in page]), ""))


@pytest.fixture
def newest(monkeypatch):
    """How many there are: `newest(5)`."""
    return lambda number: monkeypatch.setattr(Stream, "newest", number)


async def texts(person, count: int) -> list[str]:
    return [(await person.hear())["text"] for _ in range(count)]


async def test_without_a_number_the_newest_page_comes_first(people):
    async with parrot("ada", Stream) as ada:
        assert await texts(ada, 1) == ["[2, 3]"]


async def test_with_a_number_all_that_came_after_it_comes_page_by_page(people, newest):
    newest(5)
    async with visit("/parrot/", "ada", application=served(Stream), after=0) as ada:
        assert await texts(ada, 3) == ["[1, 2]", "[3, 4]", "[5]"]


async def test_the_next_one_is_passed_on_as_it_is_and_a_gap_is_read(people, newest):
    async with parrot("ada", Stream) as ada:
        await texts(ada, 1)
        await ada.say("say", text="I am in")
        assert await texts(ada, 1) == ["I am in"]
        newest(4)
        for number, text in [(4, "four"), (4, "twice"), (3, "old"), (None, "no number")]:
            await publish(GROUP, Said(text, ""), number)
        assert await texts(ada, 2) == ["four", "no number"]
        newest(7)
        await publish(GROUP, Said("seven", ""), 7)  # 5 and 6 were lost
        assert await texts(ada, 2) == ["[5, 6]", "[7]"]


@pytest.mark.parametrize("after", ["", "-1", "x", "1.0", "٣", "9" * 19, "0x1", "1 ", "+1"])
async def test_a_number_that_is_none_is_4400(people, after):
    async with visit("/parrot/", "ada", application=served(Stream), after=after) as ada:
        assert await ada.closed() == (4400, "after must be a whole number")


# The subprotocol


@pytest.mark.parametrize(
    "offered, expected",
    [(["pulse.v1"], "pulse.v1"), (["x", "pulse.v1"], "pulse.v1"), (["x"], None), ([], None)],
)
async def test_ours_is_chosen_if_it_was_offered(people, offered, expected, settings):
    settings.AUTHENTICATE_WITHIN = 0.05
    async with knock("/parrot/", *offered, application=served()) as nobody:
        assert nobody.subprotocol == expected


# From a thread


def test_a_thread_does_not_wait_for_a_loop_that_has_ended(monkeypatch):
    """As when a server is told to stop while something is committed."""
    monkeypatch.setattr("realtime.publish.SECONDS", 0.2)
    is_busy = threading.Event()

    def write():
        is_busy.wait(20)
        in_loop(asyncio.sleep, 60)

    async def serve():
        writing = asyncio.create_task(in_thread(write)())
        await asyncio.sleep(0.05)
        is_busy.set()
        threading.Event().wait(0.2)  # what the thread asks for comes too late for this loop
        return writing

    asyncio.run(serve())
    assert SyncToAsync.single_thread_executor.submit(lambda: "answers").result(5) == "answers"
