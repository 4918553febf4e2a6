"""The hub by itself, and streams and slow sockets with it."""

import asyncio
import json
from contextlib import asynccontextmanager
from random import Random
from time import monotonic

import pytest
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.contrib.auth.models import User

from realtime import hub as module
from realtime.consumers import PersonConsumer
from realtime.hub import HUBS, Hub, HubMixin, begin
from realtime.publish import publish
from tests.talking import enter, numbers
from tests.test_realtime import GROUP, Parrot, Said, parrot

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 5


class Member:
    """Takes what the hub hands out."""

    def __init__(self):
        self.taken: list = []

    def take(self, event: dict) -> None:
        self.taken.append(event)


class SlowLayer(InMemoryChannelLayer):
    """Each change of a group waits a few turns of the loop, as a network would make it."""

    def __init__(self):
        super().__init__(capacity=1000)
        self.random = Random(6)

    async def pause(self) -> None:
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)

    async def group_add(self, group, channel):
        await self.pause()
        await super().group_add(group, channel)
        await self.pause()

    async def group_discard(self, group, channel):
        await self.pause()
        await super().group_discard(group, channel)
        await self.pause()


@asynccontextmanager
async def a_hub(layer=None, **members: Member):
    hub = Hub()
    hub.layer = layer or InMemoryChannelLayer(capacity=1000)
    for name, member in members.items():
        await hub.add(name, member)
    yield hub
    hub.listener.cancel()
    await asyncio.gather(hub.listener, return_exceptions=True)


async def eventually(condition) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  of what has no event
            await asyncio.sleep(0.005)


# Groups


async def test_a_frame_comes_once_and_goes_to_the_members_of_its_group():
    one, two, other = Member(), Member(), Member()
    async with a_hub(one=one, two=two, other=other) as hub:
        for name, group in (("one", "g"), ("two", "g"), ("other", "h")):
            await hub.group_add(group, name)
        assert len(hub.layer.groups["g"]) == 1
        event = {"type": "frame", "group": "g", "text": "hello", "number": None}
        await hub.layer.group_send("g", event)
        await eventually(lambda: one.taken and two.taken)
        assert (one.taken, two.taken, other.taken) == ([event], [event], [])
        assert one.taken[0] is two.taken[0]


async def test_who_comes_and_goes_at_once_leaves_the_group_as_it_is_wanted():
    """200 times, in any order."""
    for number in range(200):
        layer, random = SlowLayer(), Random(number)
        async with a_hub(layer, a=Member(), b=Member()) as hub:

            async def wander(name, hub=hub, random=random):
                for _ in range(random.randrange(1, 4)):
                    await hub.group_add("g", name)
                    await hub.group_discard("g", name)
                if random.random() < 0.5:
                    await hub.group_add("g", name)

            await asyncio.gather(*map(wander, "ab"))
            is_wanted = bool(hub.groups.get("g"))
            assert is_wanted == bool(layer.groups.get("g")) == ("g" in hub.heard)
            assert is_wanted or not hub.groups


async def test_who_comes_back_at_once_costs_the_layer_nothing(monkeypatch):
    monkeypatch.setattr("realtime.hub.LINGER", 10)
    layer = InMemoryChannelLayer()
    async with a_hub(layer, a=Member(), b=Member()) as hub:
        await hub.group_add("g", "a")
        told = []
        for name in "group_add", "group_discard":
            monkeypatch.setattr(layer, name, lambda *told_of: told.append(told_of))
        await hub.group_discard("g", "a")
        await hub.group_add("g", "b")
        assert told == []
        await layer.group_send("g", {"type": "frame", "group": "g", "text": "hello"})
        await eventually(lambda: hub.members["b"].taken)


async def test_a_group_is_heard_for_longer_than_the_layer_remembers_its_members(monkeypatch):
    """There, a day; somebody is always here, so nobody joins it anew."""
    monkeypatch.setattr("realtime.hub.REFRESH", 0.05)
    layer = InMemoryChannelLayer(group_expiry=0.5)
    async with a_hub(layer, a=Member()) as hub:
        await hub.group_add("g", "a")
        until = monotonic() + 3 * layer.group_expiry
        while monotonic() < until:
            await layer.group_send("g", {"type": "frame", "group": "g", "text": "x"})
            await eventually(lambda: hub.members["a"].taken)
            hub.members["a"].taken.clear()


async def test_a_group_that_nobody_comes_back_to_is_heard_no_more(monkeypatch):
    monkeypatch.setattr("realtime.hub.LINGER", 0.05)
    async with a_hub(a=Member()) as hub:
        await hub.group_add("g", "a")
        await hub.group_discard("g", "a")
        assert hub.layer.groups["g"]
        await eventually(lambda: not hub.groups and not hub.settling)
        assert not hub.layer.groups.get("g") and not hub.heard


@pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "without the lock"])
async def test_one_comes_while_the_last_one_is_being_taken_out(is_locked):
    """Without the hub's lock the layer would hear of the second first: nobody gets anything."""
    layer, go_on = InMemoryChannelLayer(), asyncio.Event()
    group_discard = layer.group_discard

    async def discard_slowly(group, channel):
        await go_on.wait()
        await group_discard(group, channel)

    async with a_hub(layer, a=Member(), b=Member()) as hub:
        if not is_locked:
            hub.changing = Unlocked()
        await hub.group_add("g", "a")
        layer.group_discard = discard_slowly
        going = asyncio.create_task(hub.group_discard("g", "a"))
        await asyncio.sleep(0)
        coming = asyncio.create_task(hub.group_add("g", "b"))
        await asyncio.sleep(0.01)
        go_on.set()
        await asyncio.gather(going, coming)
        assert hub.groups["g"] == {"b"}
        assert bool(layer.groups.get("g")) is is_locked


class Unlocked:
    async def __aenter__(self):
        pass

    async def __aexit__(self, *problem):
        pass


async def test_frames_come_in_the_order_they_were_sent():
    one = Member()
    async with a_hub(one=one) as hub:
        await hub.group_add("g", "one")
        for number in range(300):
            await hub.layer.group_send("g", {"type": "frame", "group": "g", "number": number})
        await eventually(lambda: len(one.taken) == 300)
    assert [event["number"] for event in one.taken] == list(range(300))


def test_each_loop_has_a_hub_of_its_own(settings, people):
    """As in a test run, or where a server has several: no queue belongs to two loops."""
    settings.HUB = True

    async def hubs() -> Hub:
        async with parrot("ada") as ada:
            await ada.hear()
            await ada.say("say", text="hi")
            assert (await ada.hear())["text"] == "hi"
            return HUBS[asyncio.get_running_loop()]

    assert asyncio.run(hubs()) is not asyncio.run(hubs())


# The layer is lost


async def test_if_the_layer_breaks_all_are_told_and_the_next_starts_anew():
    one, two = Member(), Member()
    async with a_hub(one=one) as hub:
        await hub.group_add("g", "one")

        async def broken(channel):
            raise ConnectionError

        receive, hub.layer.receive = hub.layer.receive, broken
        first = hub.listener
        await hub.layer.group_send("g", {"type": "frame", "group": "g", "text": "wakes it"})
        await eventually(first.done)
        assert {"type": "lost"} in one.taken
        assert (hub.groups, hub.heard) == ({}, {})
        hub.layer.receive = receive
        await hub.add("two", two)
        await hub.group_add("g", "two")
        await hub.layer.group_send("g", {"type": "frame", "group": "g", "text": "again"})
        await eventually(lambda: two.taken)


async def test_who_joins_after_the_break_and_before_a_new_start_leaves_no_group_deaf():
    one, two = Member(), Member()
    async with a_hub(one=one) as hub:

        async def broken(channel):
            raise ConnectionError

        await hub.group_add("any", "one")
        receive, hub.layer.receive = hub.layer.receive, broken
        first = hub.listener
        await hub.layer.group_send("any", {"type": "frame", "group": "any", "text": "wakes it"})
        await eventually(first.done)
        hub.layer.receive = receive
        await hub.group_add("g", "one")  # it was about to, and does not know yet
        await hub.add("two", two)
        await hub.group_add("g", "two")
        await hub.layer.group_send("g", {"type": "frame", "group": "g", "text": "again"})
        await eventually(lambda: two.taken)


async def test_a_socket_is_closed_with_4013_when_the_layer_breaks(people, settings, monkeypatch):
    settings.HUB = True

    async def broken(channel):
        raise ConnectionError

    async with parrot("ada") as ada:
        await ada.hear()
        monkeypatch.setattr(get_channel_layer(), "receive", broken)
        await ada.say("say", text="the listener comes around to receive() again")
        assert (await ada.closed())[0] == 4013


# Slow and closed sockets


class Wire:
    """A client of the hub's consumer: what it was sent, and whether it takes more now."""

    def __init__(self, user: User, is_reading: bool = True):
        self.user, self.sent, self.inbox = user, [], asyncio.Queue()
        self.reads = asyncio.Event()
        if is_reading:
            self.reads.set()

    async def send(self, event: dict) -> None:
        await self.reads.wait()
        self.sent.append(event)

    def texts(self) -> list[str]:
        frames = [json.loads(event["text"]) for event in self.sent if event.get("text")]
        return [frame["text"] for frame in frames if frame["username"] == "bot"]


class Credential:
    expires, via = None, "test"

    def __init__(self, user):
        self.user, self.user_id = user, user.pk

    def check(self):
        return self.user


@asynccontextmanager
async def opened(*wires: Wire):
    """All are in the room; a wire that does not read is so from then on."""
    tasks = []
    for wire in wires:
        scope = {
            "type": "websocket",
            "credential": Credential(wire.user),
            "subprotocols": [],
            "query_string": b"",
        }
        will_read, _ = wire.reads.is_set(), wire.reads.set()
        wire.inbox.put_nowait({"type": "websocket.connect"})
        tasks.append(asyncio.create_task(Parrot()(scope, wire.inbox.get, wire.send)))
        await eventually(lambda wire=wire: len(wire.sent) == 2)  # accept, and the hello
        if not will_read:
            wire.reads.clear()
    yield [member for member in hub_here().members.values() if isinstance(member, HubMixin)]
    for wire, task in zip(wires, tasks, strict=True):
        wire.reads.set()
        wire.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(task, SECONDS)


def hub_here() -> Hub:
    return HUBS[asyncio.get_running_loop()]


async def tell(numbers) -> None:
    for number in numbers:
        await publish(GROUP, Said(str(number), "bot"))
        await asyncio.sleep(0)


@pytest.fixture
def hub(settings, people):
    settings.HUB = True
    settings.HUB_WAITING = 20


async def test_one_that_does_not_read_holds_nobody_up(hub, people):
    slow, quick = Wire(people["ben"], is_reading=False), Wire(people["ada"])
    async with opened(slow, quick):
        await tell(range(100))
        await eventually(lambda: len(quick.texts()) == 100)
        assert quick.texts() == [str(number) for number in range(100)]
        assert slow.texts() == []


async def test_if_each_send_were_awaited_one_would_hold_all_up(hub, people, monkeypatch):
    """The other way: a frame for all, awaited one socket after the other."""

    class OneByOne:
        def __init__(self):
            self.turn = asyncio.Lock()

    row = OneByOne()

    def take(self, event):
        async def send() -> None:
            async with row.turn:
                await self.dispatch(event)

        self.sending = asyncio.ensure_future(send())

    monkeypatch.setattr(HubMixin, "take", take)
    slow, quick = Wire(people["ben"], is_reading=False), Wire(people["ada"])
    async with opened(slow, quick):
        await tell(range(3))
        for _ in range(100):
            await asyncio.sleep(0)
        assert quick.texts() in ([], ["0"])
        slow.reads.set()
        await eventually(lambda: len(quick.texts()) == 3)


async def test_what_waits_for_a_slow_one_is_bounded_and_the_newest_is_kept(
    hub, people, settings, monkeypatch
):
    slow = Wire(people["ben"], is_reading=False)
    async with opened(slow) as [consumer]:
        await tell(range(1000))
        await eventually(lambda: consumer.waiting and '"999"' in consumer.waiting[-1]["text"])
        assert len(consumer.waiting) == settings.HUB_WAITING
        slow.reads.set()
        await eventually(lambda: "999" in slow.texts())
        got = [int(text) for text in slow.texts()]
        assert got == sorted(got)
        assert got[-20:] == list(range(980, 1000))
        assert len(got) <= 22  # the one it was being sent, and perhaps the one after
    settings.HUB_WAITING = None  # without a bound
    other = Wire(people["ada"], is_reading=False)
    async with opened(other) as [consumer]:
        await tell(range(1000))
        await eventually(lambda: len(consumer.waiting) > 900)


async def test_a_closed_socket_takes_nothing_from_the_others(hub, people):
    closed, open_ = Wire(people["ben"]), Wire(people["ada"])
    async with opened(closed, open_):

        async def fail(event):
            raise RuntimeError("closed")

        for member in hub_here().members.values():
            if member.user == people["ben"]:
                member.base_send = fail
        await tell(range(10))
        await eventually(lambda: len(open_.texts()) == 10)


async def test_a_frame_waits_for_a_handler_of_its_own_socket_only(hub, people, monkeypatch):
    """A page of history and the frames after it keep their order."""
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def handle(self, message):
        begun.set()
        await go_on.wait()
        await self.reply(Said("answered", "bot"))

    monkeypatch.setattr(Parrot, "handle", handle)
    busy, idle = Wire(people["ben"]), Wire(people["ada"])
    async with opened(busy, idle):
        say = {"type": "websocket.receive", "text": '{"type": "say", "text": "x"}'}
        busy.inbox.put_nowait(say)
        await asyncio.wait_for(begun.wait(), SECONDS)
        await tell(range(3))
        await eventually(lambda: len(idle.texts()) == 3)
        assert busy.texts() == []
        go_on.set()
        await eventually(lambda: len(busy.texts()) == 4)
        assert busy.texts() == ["answered", "0", "1", "2"]


async def test_a_send_that_never_waits_makes_no_task(hub, people, monkeypatch):
    """What the hub is for: as many frames as members, and not one more turn of the loop."""
    made = []
    monkeypatch.setattr(module, "rest", lambda *args: made.append(args))
    ada = Wire(people["ada"])

    async def send(event):  # as Daphne's
        ada.sent.append(event)

    async with opened(ada) as [consumer]:
        consumer.base_send = send
        await tell(range(50))
        await eventually(lambda: len(ada.texts()) == 50)
        assert not made and not consumer.waiting


# Numbered streams


def numbers_in(frames: list[dict]):
    for frame in frames:
        if frame["type"] == "chat_message":
            yield frame["number"]
        elif frame["type"] == "chat_history":
            yield from numbers(frame)


@pytest.mark.parametrize("is_on", [False, True], ids=["groups", "hub"])
@pytest.mark.parametrize("loss", [0, 0.4], ids=["all arrive", "some are lost"])
async def test_a_stream_is_whole_and_in_order(talk, settings, no_limits, monkeypatch, is_on, loss):
    """Two talk at once, the layer loses some: each hears 1, 2, 3 … once."""
    settings.HUB, settings.HUB_WAITING = is_on, 3
    settings.MESSAGES_PER_SECOND = 100_000
    random, layer = Random(7), get_channel_layer()
    group_send = layer.group_send

    async def lose_some(group, message):
        if random.random() >= loss:
            await group_send(group, message)

    async with enter("ada", talk) as ada, enter("ben", talk) as ben:
        with monkeypatch.context() as lossy:
            lossy.setattr(layer, "group_send", lose_some)
            for number in range(20):
                for person in (ada, ben):
                    await person.say(message=f"{number}", client_id=f"{number}")
            heard = {person: await person.until("ack", client_id="19") for person in (ada, ben)}
        await ada.say(message="the last", client_id="last")
        for person, frames in heard.items():
            while 41 not in (got := list(numbers_in(frames))):
                frames.append(await person.hear())
            assert got == list(range(1, 42))


def test_the_consumers_are_of_the_hub():
    assert issubclass(PersonConsumer, HubMixin)


async def test_a_client_that_goes_while_it_is_waited_for_is_no_error():
    """A server's send() may wait, and be told then that the connection is lost."""
    drained = asyncio.get_running_loop().create_future()

    async def send():
        await drained

    sending = begin(send())
    drained.set_exception(ConnectionResetError())
    assert await sending is None
