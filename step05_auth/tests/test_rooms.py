"""Rooms: members only, under their own names; and nothing is lost, told through the socket."""

from datetime import UTC, datetime, timedelta

import pytest
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async as in_thread
from channels.layers import get_channel_layer
from channels.routing import URLRouter

from tests.people import browser_of, enter, losing_broadcasts, visit

PAGE = "steps/step05_auth/#c-what-they-may-do"
IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_limits")]


@pytest.fixture
def two_rooms(make_room) -> None:
    """Rooms called one and two, both of ada and ben."""
    make_room("one"), make_room("two")


async def refused(room: str = "lobby", username: str = "ada", **query) -> tuple[int, str]:
    """The code and the reason with which the room closes."""
    async with visit(f"/ws/chat/{room}/", username, **query) as person:
        return await person.closed()


def texts(frame: dict) -> list[str]:
    return [message["message"] for message in frame["messages"]]


def numbers(frame: dict) -> list[int]:
    return [message["number"] for message in frame["messages"]]


async def stored(room: str = "lobby") -> list:
    from rooms.models import Message

    return [message async for message in Message.objects.filter(room__name=room)]


# What they may do


@pytest.mark.task(
    title="Take the name from the log-in",
    hint='A message has a user: scope["user"], never a name from the client. The first frame says '
    "who you are here.",
    page=PAGE,
)
# --8<-- [start:name]
async def test_the_name_is_that_of_the_log_in_whatever_is_asked_for(people):
    ada = await in_thread(browser_of)("ada")
    await in_thread(ada.post)("/", {"name": "tea"})
    for asked in ({}, {"name": "ben"}):
        async with visit("/ws/chat/tea/", "ada", **asked) as ada:
            assert (await ada.get("chat_history"))["username"] == "ada"
            await ada.say(message="hello", username="ben")
            assert (await ada.get("chat_message"))["username"] == "ada"


# --8<-- [end:name]


@pytest.mark.task(
    title="Let in the members only",
    hint="Room.members, with whoever makes a room as the first; POST user to the page of a room "
    "adds one. Who is none is closed with 4403, after a closing frame.",
    page=PAGE,
)
async def test_who_is_not_a_member_is_4403_until_added(people):
    ada = await in_thread(browser_of)("ada")
    await in_thread(ada.post)("/", {"name": "tea"})
    code, reason = await refused("tea", "ben")
    assert (code, reason) == (4403, "you are not a member of this room")
    await in_thread(ada.post)("/rooms/tea/", {"user": "ben"})
    async with enter("ben", "tea") as ben:
        assert ben.name == "ben"


async def test_staff_are_no_members_by_that(lobby):
    assert (await refused("lobby", "sam"))[0] == 4403


async def test_who_is_refused_hears_nothing_and_is_not_seen(lobby):
    async with enter("ada") as ada, visit("/ws/chat/lobby/", "cleo") as cleo:
        await cleo.say(message="let me in")
        await ada.said("secret")
        frames = [frame["type"] for frame in await cleo.until("closing")]
        assert frames == ["closing"]
        assert "cleo" not in str(await ada.until("chat_message", message="secret"))
    assert [message.text for message in await stored()] == ["secret"]


async def test_two_of_one_name_in_other_letters_are_two(lobby):
    """Usernames are unique to the letter; nobody is another by a case."""
    from django.contrib.auth.models import User

    await User.objects.acreate_user("Ada")
    assert (await refused("lobby", "Ada"))[0] == 4403


async def test_a_client_id_is_ones_own(lobby):
    """Somebody else's is no way to their message."""
    async with enter("ada") as ada, enter("ben") as ben:
        assert await ada.said("mine", client_id="same") == 1
        assert await ben.said("his own", client_id="same") == 2


# Storing, numbering, acknowledging


async def test_a_message_reaches_everybody_with_its_number(lobby):
    async with enter("ada") as ada, enter("ben") as ben:
        await ada.say(message="hello", client_id="a-1")
        assert await ada.get("ack") == {"type": "ack", "client_id": "a-1", "number": 1}
        for person in (ada, ben):
            frame = await person.get("chat_message")
            sent = datetime.fromisoformat(frame.pop("timestamp"))
            assert sent.utcoffset() == timedelta(0)
            assert abs(datetime.now(UTC) - sent) < timedelta(minutes=1)
            assert frame == {
                "type": "chat_message",
                "number": 1,
                "message": "hello",
                "username": "ada",
                "client_id": "a-1",
            }


async def test_messages_count_1_2_3_in_their_room(two_rooms):
    async with enter("ada", "one") as here, enter("ben", "two") as there:
        assert [await here.said(text) for text in "abc"] == [1, 2, 3]
        assert [await there.said(text) for text in "ab"] == [1, 2]


async def test_a_message_in_one_room_is_not_seen_in_another(two_rooms):
    async with enter("ada", "one") as here, enter("ben", "two") as there:
        await here.said("only here")
        await there.say(message="only there")
        frames = await there.until("chat_message")
        assert frames[-1]["message"] == "only there"
        assert "only here" not in str(frames)


async def test_a_repeated_client_id_is_one_row_and_acknowledged_again(lobby):
    async with enter("ada") as ada, enter("ben") as ben:
        assert await ada.said("hello", client_id="a-1") == 1
        assert await ada.said("hello", client_id="a-1") == 1
        assert await ada.said("next", client_id="a-2") == 2
        frames = await ben.until("chat_message", message="next")
        assert [frame["number"] for frame in frames if frame["type"] == "chat_message"] == [1, 2]
    assert [message.text for message in await stored()] == ["hello", "next"]


async def test_a_client_id_counts_in_its_own_room_only(two_rooms):
    async with enter("ada", "one") as here, enter("ben", "two") as there:
        assert await here.said("hello", client_id="same") == 1
        assert await there.said("there", client_id="same") == 1
    assert [message.text for message in await stored("two")] == ["there"]


async def test_a_message_without_client_id_is_acknowledged_too(lobby):
    async with enter("ada") as person:
        assert await person.said("hello") == 1
        assert await person.said("hello") == 2  # nothing says that it is the same


async def test_a_message_is_committed_before_it_is_broadcast(lobby, monkeypatch):
    layer, seen = get_channel_layer(), []
    group_send = layer.group_send

    async def look_first(group, event):
        if event.get("number"):
            seen.append([message.text for message in await stored()])
        await group_send(group, event)

    monkeypatch.setattr(layer, "group_send", look_first)
    async with enter("ada") as person:
        await person.said("hello")
    assert seen == [["hello"]]


# History


async def test_history_is_the_newest_50_oldest_first(lobby):
    async with enter("ada") as ada:
        for number in range(1, 56):
            await ada.said(f"message {number}")
        async with enter("ben") as ben:
            assert numbers(ben.first) == list(range(6, 56))
            assert texts(ben.first)[-1] == "message 55"
            await ben.say("history", before=6)
            assert numbers(await ben.get("chat_history")) == [1, 2, 3, 4, 5]
            await ben.say("history", before=1)
            assert (await ben.get("chat_history"))["messages"] == []


async def test_the_first_frame_of_an_empty_room_is_an_empty_history(lobby):
    async with enter("ada") as person:
        assert person.first == {"type": "chat_history", "messages": [], "username": "ada"}


async def test_asking_for_what_is_yet_to_come_skips_nothing(lobby):
    """The page before "the end of time" is a page of what this client has, not of newer ones."""
    async with enter("ada") as ada, enter("ben") as ben:
        with losing_broadcasts():
            await ada.said("lost on the way")
        await ben.say("history", before=2**63 - 1)
        assert (await ben.get("chat_history"))["messages"] == []
        await ada.said("next")
        assert texts(await ben.get("chat_history")) == ["lost on the way", "next"]


# Resuming


async def test_after_gives_exactly_what_came_later(lobby):
    async with enter("ada") as ada:
        said = [*"abcde"]
        for text in said:
            await ada.said(text)
        for after in (0, 3, 4, 7, 9):
            async with enter("ben", after=after) as back:
                assert texts(back.first) == said[after:]
                said.append(f"then {len(said) + 1}")
                await ada.said(said[-1])
                assert (await back.get("chat_message"))["message"] == said[-1]


async def test_more_than_a_page_is_missed_and_all_of_it_comes(lobby):
    async with enter("ada") as ada:
        for number in range(1, 103):
            await ada.said(str(number))
    async with visit("/ws/chat/lobby/", "ben", after=1) as back:
        pages = [frame for frame in await back.until("online") if frame["type"] == "chat_history"]
    assert [number for page in pages for number in numbers(page)] == list(range(2, 103))


async def test_a_number_that_the_room_has_not_reached_is_of_another_room(lobby):
    """Deleted and made again, or out of a backup: nothing that comes would be `after` that."""
    async with enter("ada") as ada:
        await ada.said("hello")
    assert (await refused(after=2))[0] == 4404
    async with enter("ada", after=1) as back:
        assert numbers(back.first) == []


async def test_a_room_made_again_that_is_as_far_is_not_told_from_the_old_one(lobby, make_room):
    """The limit that step 04's page names: what is new below one's number does not come."""
    async with enter("ada") as ada:
        await ada.said("of the old room")
    await lobby.adelete()
    await in_thread(make_room)()
    async with enter("ben") as ben:
        assert [await ben.said(text) for text in ("missed", "seen")] == [1, 2]
    async with enter("ada", after=1) as back:
        assert texts(back.first) == ["seen"]


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
        from django.urls import path

        from accounts.middleware import TokenAuthMiddleware
        from rooms import services
        from rooms.consumers import RoomConsumer
        from rooms.groups import room_group

        class Consumer(RoomConsumer):
            async def enter(self):
                await self.join()
                page = await in_thread(services.before)(self.room_id)
                self.last = page[-1].number if page else 0
                await self.send_history(page)
                await self.channel_layer.group_add(room_group(self.room_id), self.channel_name)
                await self.arrived()

        route = path("ws/chat/<slug>/", Consumer.as_asgi())
        return AuthMiddlewareStack(TokenAuthMiddleware(URLRouter([route])))


# --8<-- [start:interleaved]
@pytest.fixture
def at_group_add(monkeypatch):
    """Run something just before, and something just after, the next subscription to a room."""

    def run(before, after):
        layer = get_channel_layer()
        group_add = layer.group_add

        async def between(group, channel):
            if not group.startswith("room."):
                return await group_add(group, channel)
            monkeypatch.setattr(layer, "group_add", group_add)
            await before()
            await group_add(group, channel)
            await after()

        monkeypatch.setattr(layer, "group_add", between)

    return run


async def shown_to_a_joiner(ada, at_group_add, **options) -> list[str]:
    """What Ben is shown when Ada speaks just before and just after he is subscribed."""
    at_group_add(lambda: ada.said("before"), lambda: ada.said("after"))
    async with enter("ben", **options) as ben:
        await ada.said("last")
        frames = [ben.first, *await ben.until("chat_message", message="last")]
    return [
        message["message"]
        for frame in frames
        for message in frame.get("messages", [frame])
        if "message" in message
    ]


async def nothing() -> None:
    pass


async def test_what_is_sent_while_somebody_joins_is_shown_once(lobby, at_group_add):
    async with enter("ada") as ada:
        assert await shown_to_a_joiner(ada, at_group_add) == ["before", "after", "last"]


# --8<-- [end:interleaved]


async def test_read_first_and_subscribe_then_would_lose_a_message(lobby, at_group_add, settings):
    """Numbers mend even that, but later: at the next message. Without them it would be gone."""
    settings.CHANNEL_LAYERS = IN_MEMORY  # what comes by a Redis may arrive after the subscription
    async with enter("ada") as ada:
        at_group_add(lambda: ada.said("between"), nothing)
        async with enter("ben", application=Swapped.application()) as ben:
            await ben.say("typing", is_typing=True)
            await ada.get("typing")  # all that Ben's connection did until now is done
            await ben.say("history", before=0)
            assert "between" not in str([ben.first, *await ben.until("chat_history")])
        at_group_add(lambda: ada.said("again"), nothing)
        async with enter("ben") as ben:
            assert texts(ben.first) == ["between", "again"]


# A layer may lose and overtake


# --8<-- [start:lost]
async def test_a_lost_broadcast_is_fetched_at_the_next_message(lobby):
    async with enter("ada") as ada, enter("ben") as ben:
        await ada.said("one")
        with losing_broadcasts():
            await ada.said("two")
            await ada.said("three")
        await ada.said("four")
        assert (await ben.get("chat_message"))["message"] == "one"
        assert texts(await ben.get("chat_history")) == ["two", "three", "four"]
        await ada.said("five")
        assert (await ben.hear())["message"] == "five"


# --8<-- [end:lost]


async def test_a_lost_broadcast_is_fetched_at_the_next_beat(lobby, settings):
    settings.HEARTBEAT = 0.05
    async with enter("ada") as ada, enter("ben") as ben:
        with losing_broadcasts():
            await ada.said("lost")
            assert texts(await ben.get("chat_history")) == ["lost"]


async def test_broadcasts_that_overtake_each_other_arrive_in_order(lobby, monkeypatch):
    layer, held = get_channel_layer(), []
    group_send = layer.group_send

    async def hold(group, event):
        if event.get("number"):
            held.append((group, event))
        else:
            await group_send(group, event)

    monkeypatch.setattr(layer, "group_send", hold)
    async with enter("ada") as ada, enter("ben") as ben:
        for text in "abc":
            await ada.said(text)
        for group, event in reversed(held):
            await group_send(group, event)
        monkeypatch.undo()
        await ada.said("d")
        got = []
        while 4 not in got:
            frame = await ben.hear()
            heard = [frame] if frame["type"] == "chat_message" else frame.get("messages", [])
            got += [message["number"] for message in heard]
        assert got == [1, 2, 3, 4]


async def test_a_layer_that_fails_ends_the_connection_and_the_message_is_kept(lobby, monkeypatch):
    """No ack: the client sends again, and finds it stored."""
    layer = get_channel_layer()
    group_send = layer.group_send

    async def fail(group, event):
        monkeypatch.setattr(layer, "group_send", group_send)
        raise ConnectionError("the layer is away")

    with pytest.raises(ConnectionError, match="the layer is away"):
        async with enter("ada") as ada:
            monkeypatch.setattr(layer, "group_send", fail)
            await ada.say(message="hello", client_id="a-1")
            await ada.ended()
    async with enter("ada", after=0) as ada:
        assert texts(ada.first) == ["hello"]
        assert await ada.said("hello", client_id="a-1") == 1


# Rooms that are not there


async def test_a_deleted_room_closes_its_sockets_at_once(lobby):
    async with enter("ada") as ada, enter("ben") as ben:
        await in_thread(lobby.delete)()
        for member in (ada, ben):
            assert await member.closed() == (4404, "there is no such room")


async def test_another_room_that_takes_the_name_is_not_this_one(people, lobby):
    """A recheck asks for the room by its name, which may be another's by then."""
    from rooms.models import Room

    async with enter("ben") as ben:
        await Room.objects.filter(pk=lobby.pk).aupdate(name="board")
        other = await Room.objects.acreate(name="lobby")
        await other.members.aadd(people["ben"])
        await in_thread(lobby.members.remove)(people["ben"])
        assert await ben.closed() == (4404, "there is no such room")


async def test_who_is_put_out_reads_no_further(people, lobby, monkeypatch):
    from rooms import services

    for text in "abcd":
        services_store = in_thread(services.store)
        await services_store(lobby.pk, people["ada"], text, None)
    monkeypatch.setattr(services, "PAGE", 1)
    after, pages = services.after, []

    def put_out_at_the_second(room_id, number):
        pages.append(number)
        if len(pages) == 2:
            lobby.members.through.objects.filter(user=people["ben"]).delete()
        return after(room_id, number)

    monkeypatch.setattr(services, "after", put_out_at_the_second)
    async with visit("/ws/chat/lobby/", "ben", after=0) as ben:
        frames = await ben.until("closing")
        said = [
            text for frame in frames if frame["type"] == "chat_history" for text in texts(frame)
        ]
        assert said == ["a"]


async def test_who_is_renamed_goes_on_under_the_new_name(people, lobby):
    """And who takes the old one hears nothing that is not theirs."""
    async with enter("ada") as ada, enter("ben") as ben:
        people["ada"].username = "ada-2"
        await in_thread(people["ada"].save)()
        people["cleo"].username = "ada"
        await in_thread(people["cleo"].save)()
        await lobby.members.aadd(people["cleo"])
        async with enter("ada") as other:
            for _ in range(9):  # told of the new name, but perhaps of this message first
                await ada.say("private_message", to="ben", message="from whom?")
                assert (await ben.get("private_message"))["to"] == "ben"
                if (await ada.get("private_message"))["username"] == "ada-2":
                    break
            else:
                raise AssertionError("nothing under the new name")
            await ada.said("to all")
            heard = await other.until("chat_message", message="to all")
            assert "private_message" not in [frame["type"] for frame in heard]
            assert heard[-1]["username"] == "ada-2"


async def test_a_message_to_a_deleted_room_is_4404_too(lobby):
    async with enter("ada") as ada:
        with losing_broadcasts():
            await in_thread(lobby.delete)()
        await ada.say(message="hello?")
        assert await ada.closed() == (4404, "there is no such room")


@pytest.mark.parametrize(
    "path", ["nowhere", "a%20b", "%C3%A9", "..", "../../admin", "a/b", "%00", "%0A", "x" * 300, "-"]
)
async def test_an_unknown_room_is_4404_whatever_its_path(lobby, path):
    assert await refused(path) == (4404, "there is no such room")
