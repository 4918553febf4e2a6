"""Part B: rooms that lose nothing, told through the socket."""

from datetime import UTC, datetime, timedelta

import pytest
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.sessions import SessionMiddlewareStack

from tests.guests import enter, knock, losing_broadcasts, refused

PAGE = "steps/step04_groups/"
pytestmark = pytest.mark.django_db(transaction=True)


def texts(frame: dict) -> list[str]:
    return [message["message"] for message in frame["messages"]]


def numbers(frame: dict) -> list[int]:
    return [message["number"] for message in frame["messages"]]


async def stored(room: str = "lobby") -> list:
    from rooms.models import Message

    return [message async for message in Message.objects.filter(room__name=room)]


# Storing, numbering, acknowledging


@pytest.mark.task(
    title="Say something to a room",
    hint="group_add(room_group(room.pk), …) in connect(); in receive(), services.store() and then "
    "group_send. Everybody gets chat_message, the sender an ack as well.",
    page=f"{PAGE}#b-store-commit-broadcast",
    part="B",
)
async def test_a_message_reaches_everybody_with_its_number(make_room):
    await make_room()
    async with enter(name="Ann") as ann, enter(name="Bob") as bob:
        await ann.say(message="hello", client_id="a-1")
        assert await ann.get("ack") == {"type": "ack", "client_id": "a-1", "number": 1}
        for guest in (ann, bob):
            frame = await guest.get("chat_message")
            sent = datetime.fromisoformat(frame.pop("timestamp"))
            assert sent.utcoffset() == timedelta(0)
            assert abs(datetime.now(UTC) - sent) < timedelta(minutes=1)
            assert frame == {
                "type": "chat_message",
                "number": 1,
                "message": "hello",
                "username": "Ann",
                "client_id": "a-1",
            }


async def test_messages_count_1_2_3_in_their_room(make_room):
    await make_room("one"), await make_room("two")
    async with enter("one") as here, enter("two") as there:
        assert [await here.said(text) for text in "abc"] == [1, 2, 3]
        assert [await there.said(text) for text in "ab"] == [1, 2]


async def test_a_message_in_one_room_is_not_seen_in_another(make_room):
    await make_room("one"), await make_room("two")
    async with enter("one") as here, enter("two") as there:
        await here.said("only here")
        await there.say(message="only there")
        frames = await there.until("chat_message")
        assert frames[-1]["message"] == "only there"
        assert "only here" not in str(frames)


@pytest.mark.task(
    title="Store a repeated message once",
    hint="A client that saw no ack sends again with the same client_id: look for that row first, "
    "under the room's lock, and acknowledge it again.",
    page=f"{PAGE}#b-store-commit-broadcast",
    part="B",
)
async def test_a_repeated_client_id_is_one_row_and_acknowledged_again(make_room):
    await make_room()
    async with enter(name="Ann") as ann, enter(name="Bob") as bob:
        assert await ann.said("hello", client_id="a-1") == 1
        assert await ann.said("hello", client_id="a-1") == 1
        assert await ann.said("next", client_id="a-2") == 2
        frames = await bob.until("chat_message", message="next")
        assert [frame["number"] for frame in frames if frame["type"] == "chat_message"] == [1, 2]
    assert [message.text for message in await stored()] == ["hello", "next"]


async def test_a_client_id_is_ones_own(lobby):
    """Everybody sees it: somebody else who was faster to use it swallows nothing."""
    async with enter(name="Ann") as ann, enter(name="Bob") as bob:
        assert await bob.said("faster", client_id="a-1") == 1
        assert await ann.said("mine", client_id="a-1") == 2
    assert [message.text for message in await stored()] == ["faster", "mine"]


async def test_a_client_id_counts_in_its_own_room_only(make_room):
    await make_room("one"), await make_room("two")
    async with enter("one") as here, enter("two") as there:
        assert await here.said("hello", client_id="same") == 1
        assert await there.said("there", client_id="same") == 1
    assert [message.text for message in await stored("two")] == ["there"]


async def test_a_message_without_client_id_is_acknowledged_too(lobby):
    async with enter() as guest:
        assert await guest.said("hello") == 1
        assert await guest.said("hello") == 2  # nothing says that it is the same


async def test_a_message_is_committed_before_it_is_broadcast(lobby, monkeypatch):
    layer, seen = get_channel_layer(), []
    group_send = layer.group_send

    async def look_first(group, event):
        if event.get("number"):
            seen.append([message.text for message in await stored()])
        await group_send(group, event)

    monkeypatch.setattr(layer, "group_send", look_first)
    async with enter() as guest:
        await guest.said("hello")
    assert seen == [["hello"]]


# History


@pytest.mark.task(
    title="Begin with the newest 50, oldest first",
    hint='order_by("number")[:50] is the OLDEST 50: order newest first, slice, then reverse.',
    page=f"{PAGE}#b-store-commit-broadcast",
    part="B",
)
async def test_history_is_the_newest_50_oldest_first(make_room):
    await make_room()
    async with enter(name="Ann") as ann:
        for number in range(1, 56):
            await ann.said(f"message {number}")
        async with enter(name="Bob") as bob:
            assert numbers(bob.first) == list(range(6, 56))
            assert texts(bob.first)[-1] == "message 55"
            await bob.say("history", before=6)
            assert numbers(await bob.get("chat_history")) == [1, 2, 3, 4, 5]
            await bob.say("history", before=1)
            assert (await bob.get("chat_history"))["messages"] == []


async def test_the_first_frame_of_an_empty_room_is_an_empty_history(lobby):
    async with enter() as guest:
        assert guest.first == {"type": "chat_history", "messages": [], "username": "Guest 1"}


async def test_asking_for_what_is_yet_to_come_skips_nothing(lobby):
    """The page before "the end of time" is a page of what this client has, not of newer ones."""
    async with enter(name="Ann") as ann, enter(name="Bob") as bob:
        with losing_broadcasts():
            await ann.said("lost on the way")
        await bob.say("history", before=2**63 - 1)
        assert (await bob.get("chat_history"))["messages"] == []
        await ann.said("next")
        assert texts(await bob.get("chat_history")) == ["lost on the way", "next"]


# Resuming


@pytest.mark.task(
    title="Resume by number",
    hint="With ?after=N in the query string, send the messages whose number is greater, and only "
    "those.",
    page=f"{PAGE}#b-kill-the-server",
    part="B",
)
async def test_after_gives_exactly_what_came_later(make_room):
    await make_room()
    async with enter(name="Ann") as ann:
        said = [*"abcde"]
        for text in said:
            await ann.said(text)
        for after in (0, 3, 4, 7, 9):
            async with enter(after=after) as back:
                assert texts(back.first) == said[after:]
                said.append(f"then {len(said) + 1}")
                await ann.said(said[-1])
                assert (await back.get("chat_message"))["message"] == said[-1]


async def test_more_than_a_page_is_missed_and_all_of_it_comes(lobby):
    async with enter(name="Ann") as ann:
        for number in range(1, 103):
            await ann.said(str(number))
    async with knock("lobby", after=1) as back:
        pages = [frame for frame in await back.until("online") if frame["type"] == "chat_history"]
    assert [number for page in pages for number in numbers(page)] == list(range(2, 103))


async def test_a_number_that_the_room_has_not_reached_is_of_another_room(lobby):
    """Deleted and made again, or out of a backup: nothing that comes would be `after` that."""
    async with enter(name="Ann") as ann:
        await ann.said("hello")
    assert (await refused(after=2))[0] == 4404
    async with enter(after=1) as back:
        assert numbers(back.first) == []


async def test_a_room_made_again_that_is_as_far_is_not_told_from_the_old_one(lobby, make_room):
    """The limit that the page names: what is new below one's number does not come."""
    from rooms.models import Room

    async with enter(name="Ann") as ann:
        await ann.said("of the old room")
    await Room.objects.all().adelete()
    await make_room()
    async with enter(name="Bob") as bob:
        assert [await bob.said(text) for text in ("missed", "seen")] == [1, 2]
    async with enter(after=1) as back:
        assert [message["message"] for message in back.first["messages"]] == ["seen"]


@pytest.mark.parametrize("after", ["", "-1", "1.0", "x", "²", "1" * 19, " 1", "0x1"])
async def test_after_that_is_no_number_is_4400(lobby, after):
    code, reason = await refused(after=after)
    assert code == 4400
    assert "after" in reason


# The order of connecting


class Swapped:
    """RoomConsumer with the two lines in the wrong order: read first, then subscribe."""

    @staticmethod
    def application():
        from channels.db import database_sync_to_async
        from django.urls import path

        from rooms import services
        from rooms.consumers import RoomConsumer
        from rooms.groups import room_group

        class Consumer(RoomConsumer):
            async def connect(self):
                await self.accept()
                await self.join(await database_sync_to_async(services.find)("lobby"))
                page = await database_sync_to_async(services.before)(self.room_id)
                self.last = page[-1].number if page else 0
                await self.send_history(page)
                await self.channel_layer.group_add(room_group(self.room_id), self.channel_name)
                await self.arrived()

        route = path("ws/chat/<slug>/", Consumer.as_asgi())
        return SessionMiddlewareStack(URLRouter([route]))


# --8<-- [start:interleaved]
@pytest.fixture
def at_group_add(monkeypatch):
    """Run something just before, and something just after, the next subscription."""

    def run(before, after):
        layer = get_channel_layer()
        group_add = layer.group_add

        async def between(group, channel):
            monkeypatch.setattr(layer, "group_add", group_add)
            await before()
            await group_add(group, channel)
            await after()

        monkeypatch.setattr(layer, "group_add", between)

    return run


async def shown_to_a_joiner(ann, at_group_add, **options) -> list[str]:
    """What Bob is shown when Ann speaks just before and just after he is subscribed."""
    at_group_add(lambda: ann.said("before"), lambda: ann.said("after"))
    async with enter(name="Bob", **options) as bob:
        await ann.said("last")
        frames = [bob.first, *await bob.until("chat_message", message="last")]
    return [
        message["message"]
        for frame in frames
        for message in frame.get("messages", [frame])
        if "message" in message
    ]


async def nothing() -> None:
    pass


async def test_what_is_sent_while_somebody_joins_is_shown_once(lobby, at_group_add):
    async with enter(name="Ann") as ann:
        assert await shown_to_a_joiner(ann, at_group_add) == ["before", "after", "last"]


# --8<-- [end:interleaved]


async def test_read_first_and_subscribe_then_would_lose_a_message(lobby, at_group_add):
    """Numbers mend even that, but later: at the next message. Without them it would be gone."""
    async with enter(name="Ann") as ann:
        at_group_add(lambda: ann.said("between"), nothing)
        async with enter(name="Bob", application=Swapped.application()) as bob:
            await bob.say("typing", is_typing=True)
            await ann.get("typing")  # all that Bob's connection did until now is done
            await bob.say("history", before=0)
            assert "between" not in str([bob.first, *await bob.until("chat_history")])
        at_group_add(lambda: ann.said("again"), nothing)
        async with enter(name="Bob") as bob:
            assert texts(bob.first) == ["between", "again"]


# A layer may lose and overtake


# --8<-- [start:lost]
async def test_a_lost_broadcast_is_fetched_at_the_next_message(lobby):
    async with enter(name="Ann") as ann, enter(name="Bob") as bob:
        await ann.said("one")
        with losing_broadcasts():
            await ann.said("two")
            await ann.said("three")
        await ann.said("four")
        assert (await bob.get("chat_message"))["message"] == "one"
        assert texts(await bob.get("chat_history")) == ["two", "three", "four"]
        await ann.said("five")
        assert (await bob.hear())["message"] == "five"


# --8<-- [end:lost]


async def test_a_lost_broadcast_is_fetched_at_the_next_beat(lobby, settings):
    settings.HEARTBEAT = 0.05
    async with enter(name="Ann") as ann, enter(name="Bob") as bob:
        with losing_broadcasts():
            await ann.said("lost")
            assert texts(await bob.get("chat_history")) == ["lost"]


async def test_broadcasts_that_overtake_each_other_arrive_in_order(lobby, monkeypatch):
    layer, held = get_channel_layer(), []
    group_send = layer.group_send

    async def hold(group, event):
        if event.get("number"):
            held.append((group, event))
        else:
            await group_send(group, event)

    monkeypatch.setattr(layer, "group_send", hold)
    async with enter(name="Ann") as ann, enter(name="Bob") as bob:
        for text in "abc":
            await ann.said(text)
        for group, event in reversed(held):
            await group_send(group, event)
        monkeypatch.undo()
        await ann.said("d")
        frames = await bob.until("chat_message", message="d")
        got = [message["number"] for frame in frames for message in frame.get("messages", [])]
        assert [*got, frames[-1]["number"]] == [1, 2, 3, 4]


async def test_a_layer_that_fails_ends_the_connection_and_the_message_is_kept(lobby, monkeypatch):
    """No ack: the client sends again, and finds it stored."""
    layer = get_channel_layer()
    group_send = layer.group_send

    async def fail(group, event):
        monkeypatch.setattr(layer, "group_send", group_send)
        raise ConnectionError("the layer is away")

    with pytest.raises(ConnectionError, match="the layer is away"):
        async with enter(name="Ann") as ann:
            monkeypatch.setattr(layer, "group_send", fail)
            await ann.say(message="hello", client_id="a-1")
            await ann.ended()
    async with enter(name="Ann", after=0) as ann:
        assert texts(ann.first) == ["hello"]
        assert await ann.said("hello", client_id="a-1") == 1


# Rooms that are not there


@pytest.mark.parametrize(
    "path", ["nowhere", "a%20b", "%C3%A9", "..", "../../admin", "a/b", "%00", "%0A", "x" * 300, "-"]
)
async def test_an_unknown_room_is_4404_whatever_its_path(lobby, path):
    assert await refused(path) == (4404, "there is no such room")
