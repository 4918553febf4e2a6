"""Who is here, who types, and what is for one person only."""

import asyncio
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async as in_thread
from channels.layers import get_channel_layer
from django.utils import timezone

from tests.people import enter, losing_broadcasts
from tests.sockets import Closed

IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def all_three(make_room) -> None:
    """A lobby of ada, ben and cleo."""
    make_room("lobby", "ben", "cleo")


# Joined and left


async def test_joined_and_left_are_told_to_the_others(lobby):
    async with enter("ada") as ada:
        assert ada.online == ["ada"]
        async with enter("ben") as ben:
            assert ben.online == ["ada", "ben"]
            assert await ada.get("user_joined") == {
                "type": "user_joined",
                "username": "ben",
                "online": 2,
            }
        assert await ada.get("user_left") == {"type": "user_left", "username": "ben", "online": 1}


async def test_a_joiner_is_not_told_of_their_own_joining(lobby):
    async with enter("ada") as ada, enter("ben") as ben:
        await ada.get("user_joined", username="ben")
        await ada.said("hello")
        for person, own in [(ada, "ada"), (ben, "ben")]:
            frames = await person.until("chat_message")
            assert not [f for f in frames if f["type"] == "user_joined" and f["username"] == own]


async def test_two_tabs_of_one_person_are_one_and_closing_one_keeps_them(all_three):
    async with enter("ada") as ada, enter("ben") as ben:
        await ada.get("user_joined", username="ben")
        async with enter("ben") as tab:
            assert tab.online == ["ada", "ben"]
        await ben.said("still here")
        frames = await ada.until("chat_message", message="still here")
        assert [frame["type"] for frame in frames] == ["chat_message"]
    async with enter("cleo") as cleo:
        assert cleo.online == ["cleo"]


async def test_who_joins_while_somebody_joins_is_in_the_list(all_three, monkeypatch):
    """The list is read after subscribing: whoever comes in between is in it, or told."""
    layer = get_channel_layer()
    group_add = layer.group_add
    async with asyncio.timeout(20):
        doors = []

        async def somebody_comes_first(group, channel):
            if not group.startswith("room."):
                return await group_add(group, channel)
            monkeypatch.setattr(layer, "group_add", group_add)
            doors.append(enter("cleo"))
            await doors[0].__aenter__()
            await group_add(group, channel)

        monkeypatch.setattr(layer, "group_add", somebody_comes_first)
        async with enter("ben") as ben:
            assert ben.online == ["ben", "cleo"]
            await doors[0].__aexit__(None, None, None)


# Ends that nobody announces


async def test_a_crash_in_a_handler_still_leaves(lobby, monkeypatch, settings):
    settings.CHANNEL_LAYERS = IN_MEMORY  # this looks into its groups
    layer = get_channel_layer()
    group_send = layer.group_send

    async def fail(group, event):
        monkeypatch.setattr(layer, "group_send", group_send)
        raise ZeroDivisionError

    async with enter("ada") as ada:
        with pytest.raises(ZeroDivisionError):
            async with enter("ben") as ben:
                await ada.get("user_joined", username="ben")
                monkeypatch.setattr(layer, "group_send", fail)
                await ben.say(message="this crashes")
                await ben.ended()
        assert (await ada.get("user_left"))["username"] == "ben"
        rooms = {name: members for name, members in layer.groups.items() if members}
        assert {len(members) for members in rooms.values()} == {1}, "still in a group"
        assert sorted(name.partition(".")[0] for name in rooms) == ["person", "room"]


async def age(username: str, seconds: float) -> None:
    """As if a person's connections had last been heard of that long ago."""
    from rooms.models import Connection

    then = timezone.now() - timedelta(seconds=seconds)
    await Connection.objects.filter(user__username=username).aupdate(seen_at=then)


async def left_behind(username: str, seconds: float) -> None:
    """A row of a connection whose server was killed."""
    from django.contrib.auth.models import User

    from rooms.models import Connection, Room

    room, user = await Room.objects.aget(name="lobby"), await User.objects.aget(username=username)
    await Connection.objects.acreate(room=room, user=user, channel_name=f"killed.{username}")
    await age(username, seconds)


async def test_a_killed_servers_people_vanish_by_themselves(lobby, settings):
    settings.HEARTBEAT = 0.05
    await left_behind("ben", settings.GONE_AFTER - 5)
    async with enter("ada") as ada:
        assert ada.online == ["ada", "ben"]  # not long enough ago to be sure
        await age("ben", settings.GONE_AFTER + 1)
        assert await ada.get("user_left") == {"type": "user_left", "username": "ben", "online": 1}
        assert await connections() == ["ada"]


async def connections() -> list[str]:
    from rooms.models import Connection

    found = Connection.objects.select_related("user")
    return [connection.user.username async for connection in found]


async def test_who_comes_back_from_a_killed_server_is_told_to_the_others(lobby, settings):
    async with enter("ada") as ada:
        await left_behind("ben", settings.GONE_AFTER + 1)
        async with enter("ben") as ben:
            assert ben.online == ["ada", "ben"]
            await ada.get("user_joined", username="ben")


async def test_who_lives_keeps_beating(lobby, settings):
    settings.HEARTBEAT = 0.05
    async with enter("ada") as ada, enter("ben"):
        await age("ben", settings.GONE_AFTER - 1)
        await heard_lately("ben")
        await ada.say("history", before=0)
        assert "user_left" not in str(await ada.until("chat_history"))


async def heard_lately(username: str) -> None:
    """Wait for a beat. The database has no event to wait for, so this asks again and again."""
    from rooms.models import Connection

    lately = timezone.now() - timedelta(seconds=5)
    beaten = Connection.objects.filter(user__username=username, seen_at__gt=lately)
    async with asyncio.timeout(20):
        while not await beaten.aexists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_who_was_taken_for_dead_is_asked_to_come_again(lobby, settings):
    """A process that was stopped for a while and goes on: its people were swept."""
    from rooms.models import Connection

    settings.HEARTBEAT = 0.05
    async with enter("ada") as ada:
        await Connection.objects.all().adelete()
        assert (await ada.get("closing"))["code"] == 4013
        with pytest.raises(Closed) as closed:
            await ada.hear()
        assert closed.value.code == 4013


async def test_a_lost_notice_is_mended_at_the_next_beat(lobby, settings):
    settings.HEARTBEAT = 0.05
    async with enter("ada") as ada:
        with losing_broadcasts():
            async with enter("ben"):
                assert await ada.hear() == {"type": "online", "usernames": ["ada", "ben"]}
            assert await ada.hear() == {"type": "online", "usernames": ["ada"]}


async def test_a_lost_notice_of_who_came_back_is_mended_too(lobby):
    """The list is that of the last beat, but the browser has heard of a change since."""
    from rooms.models import Connection

    async def beat():
        ada = await Connection.objects.aget(user__username="ada")
        await get_channel_layer().send(ada.channel_name, {"type": "beat"})

    both = {"type": "online", "usernames": ["ada", "ben"]}
    async with enter("ada") as here:
        async with enter("ben"):
            await beat()
            assert await here.get("online") == both
        await here.get("user_left")
        with losing_broadcasts():
            async with enter("ben"):
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

    async with enter("ada"):
        monkeypatch.setattr(layer, "send", fail_twice)
        await age("ada", settings.GONE_AFTER - 1)
        await heard_lately("ada")
    assert len(tries) >= 3


# Typing and private messages


async def test_typing_is_told_to_the_others_and_not_to_the_typist(lobby):
    async with enter("ada") as ada, enter("ben") as ben, enter("ben") as tab:
        for is_typing in (True, False):
            await ben.say("typing", is_typing=is_typing)
            assert await ada.get("typing") == {
                "type": "typing",
                "username": "ben",
                "is_typing": is_typing,
            }
        await ada.said("hello")
        for own in (ben, tab):
            assert "typing" not in [frame["type"] for frame in await own.until("chat_message")]


async def test_a_private_message_reaches_all_tabs_of_one_person_and_the_senders(all_three):
    async with (
        enter("ada") as ada,
        enter("ada") as adas_tab,
        enter("ben") as ben,
        enter("ben") as bens_tab,
        enter("cleo") as cleo,
    ):
        await ada.say("private_message", to="ben", message="psst")
        for person in (ada, adas_tab, ben, bens_tab):
            frame = await person.get("private_message")
            assert frame.pop("timestamp").endswith("Z")
            assert frame == {
                "type": "private_message",
                "username": "ada",
                "to": "ben",
                "message": "psst",
            }
        await ada.said("for all")
        for person in (ada, adas_tab, ben, bens_tab):
            assert "psst" not in str(await person.until("chat_message"))  # once
        assert "psst" not in str(await cleo.until("chat_message"))


async def test_a_private_message_is_not_stored(lobby):
    async with enter("ada") as ada, enter("ben"):
        await ada.say("private_message", to="ben", message="psst")
        await ada.get("private_message")
    async with enter("ben") as ben:
        assert ben.first["messages"] == []


@pytest.mark.parametrize("to", ["Nobody", "Ben", "cleo", "sam"])
async def test_a_private_message_to_somebody_who_is_not_here_is_an_error(all_three, make_room, to):
    await in_thread(make_room)("other", "cleo")
    async with enter("cleo", "other"), enter("ben"), enter("ada") as ada:
        await ada.say("private_message", to=to, message="psst")
        assert await ada.get("error") == {
            "type": "error",
            "code": "not_here",
            "detail": f"{to} is not in this room",
        }


async def test_a_private_message_to_oneself_comes_once(lobby):
    async with enter("ada") as ada:
        await ada.say("private_message", to="ada", message="note")
        assert (await ada.get("private_message"))["message"] == "note"
        await ada.said("end")
        assert "private_message" not in str(await ada.until("chat_message"))
