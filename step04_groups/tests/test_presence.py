"""Part C: who is here, who types, and what is for one person only."""

import asyncio
from datetime import timedelta

import pytest
from channels.layers import get_channel_layer
from django.utils import timezone

from tests.guests import enter, knock, losing_broadcasts, refused
from tests.sockets import Closed

PAGE = "steps/step04_groups/"
pytestmark = pytest.mark.django_db(transaction=True)


# Names


async def test_without_a_name_a_free_one_is_given_and_told_in_the_first_frame(lobby):
    async with enter() as one, enter() as two:
        assert (one.name, two.name) == ("Guest 1", "Guest 2")
        async with enter(name="guest 3"), enter() as four:
            assert four.name == "Guest 4"
    async with enter() as again:
        assert again.name == "Guest 1"


@pytest.mark.task(
    title="Refuse a name that is taken",
    hint="accept() first, then a closing frame, then close(4409): a close before accept is a bare "
    "1006 in the browser. Look for the name under the room's lock.",
    page=f"{PAGE}#c-who-is-here",
    part="C",
)
async def test_a_name_that_is_taken_is_4409(make_room):
    await make_room()
    async with enter(name="Ann"):
        for name in ["Ann", "ann", "ANN"]:
            code, reason = await refused(name=name)
            assert code == 4409
            assert name in reason
    async with enter(name="ann") as free_again:
        assert free_again.name == "ann"


async def test_a_name_is_taken_in_its_own_room_only(make_room):
    await make_room("one"), await make_room("two")
    async with enter("one", name="Ann"), enter("two", name="Ann") as other:
        assert other.online == ["Ann"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " Ann",
        "Ann ",
        "A\nnn",
        "a" * 31,
        "<b>",
        "_",
        ".",
        "\0",
        "a\0",
        "\ufffd",
        "a\u202eb",
    ],
)
async def test_a_name_that_cannot_be_one_is_4400(lobby, name):
    code, reason = await refused(name=name)
    assert code == 4400
    assert "1 to 30 letters" in reason


async def test_a_name_that_is_no_utf8_is_4400(lobby):
    code, reason = await refused(name=b"\xff\xfe")
    assert code == 4400


@pytest.mark.parametrize("name", ["A", "Zoë", "李小龍", "O'Neil", "Ann B. Miller-Smith", "a" * 30])
async def test_names_of_all_kinds_of_people(lobby, name):
    async with enter(name=name) as guest:
        assert guest.name == name
        assert guest.online == [name]


async def test_of_many_who_want_one_name_at_once_one_gets_it(lobby):
    async def try_it() -> None:
        async with knock("lobby", name="Ann") as guest:
            first = await guest.hear()
            answers.append(first["type"])
            if len(answers) == 8:
                all_answered.set()
            await all_answered.wait()

    answers: list[str] = []
    all_answered = asyncio.Event()
    async with asyncio.timeout(20):
        await asyncio.gather(*(try_it() for _ in range(8)))
    assert sorted(answers) == ["chat_history"] + ["closing"] * 7


# Joined and left


@pytest.mark.task(
    title="Tell who came and who went",
    hint="A row for each connection. user_joined when it is the guest's first, user_left when it "
    "was the last, both with how many people are online.",
    page=f"{PAGE}#c-who-is-here",
    part="C",
)
async def test_joined_and_left_are_told_to_the_others(make_room):
    await make_room()
    async with enter(name="Ann") as ann:
        assert ann.online == ["Ann"]
        async with enter(name="Bob") as bob:
            assert bob.online == ["Ann", "Bob"]
            assert await ann.get("user_joined") == {
                "type": "user_joined",
                "username": "Bob",
                "online": 2,
            }
        assert await ann.get("user_left") == {"type": "user_left", "username": "Bob", "online": 1}


async def test_a_joiner_is_not_told_of_their_own_joining(lobby):
    async with enter(name="Ann") as ann, enter(name="Bob") as bob:
        await ann.get("user_joined", username="Bob")
        await ann.said("hello")
        for guest, own in [(ann, "Ann"), (bob, "Bob")]:
            frames = await guest.until("chat_message")
            assert not [f for f in frames if f["type"] == "user_joined" and f["username"] == own]


@pytest.mark.task(
    title="Let two tabs of one guest be one",
    hint='scope["session"].session_key tells two tabs of one browser from two guests '
    "(SessionMiddlewareStack in config/asgi.py puts it there).",
    page=f"{PAGE}#c-who-is-here",
    part="C",
)
async def test_two_tabs_of_one_guest_are_one_and_closing_one_keeps_them(make_room):
    await make_room()
    async with enter(name="Ann") as ann, enter(name="Bob", browser="bobs-browser") as bob:
        await ann.get("user_joined", username="Bob")
        async with enter(name="Bob", browser="bobs-browser") as tab:
            assert tab.online == ["Ann", "Bob"]
        await bob.said("still here")
        frames = await ann.until("chat_message", message="still here")
        assert [frame["type"] for frame in frames] == ["chat_message"]
    async with enter(name="Cid") as cid:
        assert cid.online == ["Cid"]


async def test_a_second_tab_without_a_name_has_the_guests_name(lobby):
    async with enter(name="Zoë", browser="zoes-browser"):
        async with enter(browser="zoes-browser") as tab:
            assert tab.name == "Zoë"
        async with enter(browser="another-browser") as other:
            assert other.name == "Guest 1"


async def test_one_browser_may_play_two_people(lobby):
    """As a reader with two windows does: another name is another person."""
    async with enter(name="Ann", browser="one-browser") as ann:
        async with enter(name="Bob", browser="one-browser") as bob:
            assert bob.online == ["Ann", "Bob"]
            await ann.get("user_joined", username="Bob")
        await ann.get("user_left", username="Bob")


async def test_who_joins_while_somebody_joins_is_in_the_list(lobby, monkeypatch):
    """The list is read after subscribing: whoever comes in between is in it, or told."""
    layer = get_channel_layer()
    group_add = layer.group_add
    async with asyncio.timeout(20):
        doors = []

        async def somebody_comes_first(group, channel):
            monkeypatch.setattr(layer, "group_add", group_add)
            doors.append(enter(name="Cid"))
            await doors[0].__aenter__()
            await group_add(group, channel)

        monkeypatch.setattr(layer, "group_add", somebody_comes_first)
        async with enter(name="Bob") as bob:
            assert bob.online == ["Bob", "Cid"]
            await doors[0].__aexit__(None, None, None)


# Ends that nobody announces


async def test_a_crash_in_a_handler_still_leaves(lobby, monkeypatch):
    layer = get_channel_layer()
    group_send = layer.group_send

    async def fail(group, event):
        monkeypatch.setattr(layer, "group_send", group_send)
        raise ZeroDivisionError

    async with enter(name="Ann") as ann:
        with pytest.raises(ZeroDivisionError):
            async with enter(name="Bob") as bob:
                await ann.get("user_joined", username="Bob")
                monkeypatch.setattr(layer, "group_send", fail)
                await bob.say(message="this crashes")
                await bob.ended()
        assert (await ann.get("user_left"))["username"] == "Bob"
        (members,) = layer.groups.values()
        assert len(members) == 1, "the crashed connection is still in the group"


async def age(username: str, seconds: float) -> None:
    """As if a person's connections had last been heard of that long ago."""
    from rooms.models import Connection

    then = timezone.now() - timedelta(seconds=seconds)
    await Connection.objects.filter(username=username).aupdate(seen_at=then)


async def left_behind(username: str, seconds: float) -> None:
    """A row of a connection whose server was killed."""
    from rooms.models import Connection, Room

    room = await Room.objects.aget(name="lobby")
    await Connection.objects.acreate(
        room=room, username=username, guest=username, channel_name=f"killed.{username}"
    )
    await age(username, seconds)


async def test_a_killed_servers_people_vanish_by_themselves(lobby, settings):
    settings.HEARTBEAT = 0.05
    await left_behind("Old", settings.GONE_AFTER - 5)
    async with enter(name="Ann") as ann:
        assert ann.online == ["Ann", "Old"]  # not long enough ago to be sure
        await age("Old", settings.GONE_AFTER + 1)
        assert await ann.get("user_left") == {"type": "user_left", "username": "Old", "online": 1}
        assert await connections() == ["Ann"]


async def test_who_is_here_works_without_numbered_messages(lobby, settings):
    """As the page says of the mixin: a consumer of one's own that has nothing else."""
    from channels.sessions import SessionMiddlewareStack

    from frames.consumers import FrameConsumer
    from rooms.groups import room_group
    from rooms.models import Room
    from rooms.people import PeopleMixin

    class Lounge(PeopleMixin, FrameConsumer):
        async def connect(self):
            await self.accept()
            await self.join(await Room.objects.aget(name="lobby"))
            await self.channel_layer.group_add(room_group(self.room_id), self.channel_name)
            await self.arrived()

    settings.HEARTBEAT = 0.05
    async with knock("lobby", application=SessionMiddlewareStack(Lounge.as_asgi())) as guest:
        assert await guest.hear() == {"type": "online", "usernames": ["Guest 1"]}
        for name in ("Old", "Older"):  # each is found at a beat of its own
            await left_behind(name, settings.GONE_AFTER + 1)
            await guest.get("user_left", username=name)


async def connections() -> list[str]:
    from rooms.models import Connection

    return [connection.username async for connection in Connection.objects.all()]


async def test_a_name_of_somebody_long_silent_is_free(lobby, settings):
    await left_behind("Old", settings.GONE_AFTER + 1)
    async with enter(name="Old") as old:
        assert old.online == ["Old"]


async def test_who_lives_keeps_beating(lobby, settings):
    settings.HEARTBEAT = 0.05
    async with enter(name="Ann") as ann, enter(name="Bob"):
        await age("Bob", settings.GONE_AFTER - 1)
        await heard_lately("Bob")
        await ann.say("history", before=0)
        assert "user_left" not in str(await ann.until("chat_history"))


async def heard_lately(username: str) -> None:
    """Wait for a beat. The database has no event to wait for, so this asks again and again."""
    from rooms.models import Connection

    lately = timezone.now() - timedelta(seconds=5)
    beaten = Connection.objects.filter(username=username, seen_at__gt=lately)
    async with asyncio.timeout(20):
        while not await beaten.aexists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_who_was_taken_for_dead_is_asked_to_come_again(lobby, settings):
    """A process that was stopped for a while and goes on: its people were swept."""
    from rooms.models import Connection

    settings.HEARTBEAT = 0.05
    async with enter(name="Ann") as ann:
        await Connection.objects.all().adelete()
        assert (await ann.get("closing"))["code"] == 4013
        with pytest.raises(Closed) as closed:
            await ann.hear()
        assert closed.value.code == 4013


async def test_a_lost_notice_is_mended_at_the_next_beat(lobby, settings):
    settings.HEARTBEAT = 0.05
    async with enter(name="Ann") as ann:
        with losing_broadcasts():
            async with enter(name="Bob"):
                assert await ann.hear() == {"type": "online", "usernames": ["Ann", "Bob"]}
            assert await ann.hear() == {"type": "online", "usernames": ["Ann"]}


async def test_a_lost_notice_of_who_came_back_is_mended_too(lobby):
    """The list is that of the last beat, but the browser has heard of a change since."""
    from rooms.models import Connection

    async def beat():
        ann = await Connection.objects.aget(username="Ann")
        await get_channel_layer().send(ann.channel_name, {"type": "beat"})

    both = {"type": "online", "usernames": ["Ann", "Bob"]}
    async with enter(name="Ann") as here:
        async with enter(name="Bob"):
            await beat()
            assert await here.get("online") == both
        await here.get("user_left")
        with losing_broadcasts():
            async with enter(name="Bob"):
                await beat()
                assert await here.hear() == both


async def test_a_heart_survives_a_layer_that_is_away_for_a_while(lobby, settings, monkeypatch):
    settings.HEARTBEAT = 0.05
    layer = get_channel_layer()
    send, tries = layer.send, []

    async def fail_twice(channel, event):
        tries.append(event)
        if len(tries) <= 2:
            raise ConnectionError("the layer is away")
        await send(channel, event)

    async with enter(name="Ann"):
        monkeypatch.setattr(layer, "send", fail_twice)
        await age("Ann", settings.GONE_AFTER - 1)
        await heard_lately("Ann")
    assert len(tries) >= 3


# Typing and private messages


async def test_typing_is_told_to_the_others_and_not_to_the_typist(lobby):
    async with (
        enter(name="Ann") as ann,
        enter(name="Bob", browser="bobs-browser") as bob,
        enter(name="Bob", browser="bobs-browser") as tab,
    ):
        for is_typing in (True, False):
            await bob.say("typing", is_typing=is_typing)
            assert await ann.get("typing") == {
                "type": "typing",
                "username": "Bob",
                "is_typing": is_typing,
            }
        await ann.said("hello")
        for own in (bob, tab):
            assert "typing" not in [frame["type"] for frame in await own.until("chat_message")]


@pytest.mark.task(
    title="Send a private message to one person",
    hint="Not to the group: channel_layer.send() to each channel of that person and the sender's.",
    page=f"{PAGE}#c-who-is-here",
    part="C",
)
async def test_a_private_message_reaches_all_tabs_of_one_person_and_the_senders(make_room):
    await make_room()
    async with (
        enter(name="Ann", browser="anns-browser") as ann,
        enter(name="Ann", browser="anns-browser") as anns_tab,
        enter(name="Bob", browser="bobs-browser") as bob,
        enter(name="Bob", browser="bobs-browser") as bobs_tab,
        enter(name="Cid") as cid,
    ):
        await ann.say("private_message", to="Bob", message="psst")
        for guest in (ann, anns_tab, bob, bobs_tab):
            frame = await guest.get("private_message")
            assert frame.pop("timestamp").endswith("Z")
            assert frame == {
                "type": "private_message",
                "username": "Ann",
                "to": "Bob",
                "message": "psst",
            }
        await ann.said("for all")
        for guest in (ann, anns_tab, bob, bobs_tab):
            assert "psst" not in str(await guest.until("chat_message"))  # once
        assert "psst" not in str(await cid.until("chat_message"))


async def test_a_private_message_is_not_stored(lobby):
    async with enter(name="Ann") as ann, enter(name="Bob"):
        await ann.say("private_message", to="Bob", message="psst")
        await ann.get("private_message")
    async with enter(name="Bob") as bob:
        assert bob.first["messages"] == []


@pytest.mark.parametrize("to", ["Nobody", "ann2", "Cid"])
async def test_a_private_message_to_somebody_who_is_not_here_is_an_error(make_room, to):
    await make_room("lobby"), await make_room("other")
    async with enter("other", name="Cid"), enter(name="Ann") as ann:
        await ann.say("private_message", to=to, message="psst")
        assert await ann.get("error") == {
            "type": "error",
            "code": "not_here",
            "detail": f"{to} is not in this room",
        }


async def test_a_private_message_to_oneself_comes_once(lobby):
    async with enter(name="Ann") as ann:
        await ann.say("private_message", to="Ann", message="note")
        assert (await ann.get("private_message"))["message"] == "note"
        await ann.said("end")
        assert "private_message" not in str(await ann.until("chat_message"))
