"""Somebody who is who they are, and reaches for what is not theirs."""

import asyncio
import json
from datetime import UTC, datetime
from unittest.mock import patch

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import transaction

from alerts.models import Team
from conversations import services as conversation_services
from conversations.consumers import ConversationConsumer
from conversations.models import Conversation
from rooms import services as room_services
from rooms.consumers import RoomConsumer
from rooms.groups import room_group
from rooms.models import Room
from tests.attacks import inside
from tests.attacks.inside import all_of

NOT_A_MEMBER = (4403, "you are not a member of this room")
NOT_YOURS = (4403, "this is no conversation of yours")
NO_SUCH_GROUP = {
    "type": "error",
    "code": "not_allowed",
    "detail": "there is no such group for you",
}


def bearer(target, username: str) -> str:
    return f"bearer.{target.call(inside.access, username)}"


# Rooms


def store(room: str, username: str, text: str, client_id: str | None = None) -> int:
    """A message of somebody, without a socket; its number."""
    room, user = Room.objects.get(name=room), User.objects.get(username=username)
    return room_services.store(room.pk, user, text, client_id).number


def name_of(path: str) -> str:
    return path.split("/")[-2]


def every_room_is_open():
    """Found by name alone, as in step 04."""
    return patch("rooms.services.find", lambda slug, user: Room.objects.get(name=slug))


async def test_another_ones_room_is_closed(target, someone, own_room):
    attacker, victim = someone(), someone()
    path = own_room(victim)
    target.call(store, name_of(path), victim, "between us")
    way = (path, "pulse.v1", bearer(target, attacker))
    assert await target.refusal(*way) == NOT_A_MEMBER
    with target.without(every_room_is_open):
        (read,) = (await target.first_frame(*way))["messages"]
        assert (read["username"], read["message"]) == (victim, "between us")


def nobody_is_told():
    return patch("accounts.services.tell")


async def remove_member(staff, room_pk: int, name: str, *stay: int) -> None:
    form = {"name": name, "members": [str(pk) for pk in stay]}
    answer = await staff.post(f"/admin/rooms/room/{room_pk}/change/", data=form)
    assert answer.status_code == 302, answer.text


def ids(*usernames: str) -> list[int]:
    return [User.objects.get(username=username).pk for username in usernames]


def room_id(name: str) -> int:
    return Room.objects.get(name=name).pk


async def test_a_removed_member_is_put_out_at_once(target, someone, own_room, browser):
    removed, stays = someone(), someone()
    path = own_room(removed, stays)
    name = name_of(path)
    room, (stays_id, removed_id) = target.call(room_id, name), target.call(ids, stays, removed)
    async with (
        browser("sam") as staff,
        target.socket(path, bearer(target, removed)) as listener,
        target.socket(path, bearer(target, stays)) as speaker,
    ):
        await listener.get("user_joined", username=stays)
        await remove_member(staff, room, name, stays_id)
        async with asyncio.timeout(1):
            assert await listener.closed() == NOT_A_MEMBER
        await remove_member(staff, room, name, stays_id, removed_id)  # and back
        with target.without(nobody_is_told):
            async with target.socket(path, bearer(target, removed)) as listener:
                await listener.get("online")
                await remove_member(staff, room, name, stays_id)
                await speaker.said("now that they are gone")
                heard = await listener.get("chat_message")
                assert heard["message"] == "now that they are gone"


def raw_sql():
    """The name put into the query's text."""

    def find(slug, user):
        return Room.objects.raw(f"SELECT * FROM rooms_room WHERE name = '{slug}'")[0]

    return patch("rooms.services.find", find)


SQL = ["x' OR '1'='1", "x' UNION SELECT * FROM rooms_room --", "%27%20OR%201=1--"]


@pytest.mark.parametrize("injected", SQL)
async def test_a_rooms_name_is_no_sql(target, someone, own_room, injected):
    attacker, victim = someone(), someone()
    target.call(store, name_of(own_room(victim)), victim, "between us")
    way = (f"/ws/chat/{injected.replace(' ', '%20')}/", bearer(target, attacker))
    assert await target.refusal(*way) == (4404, "there is no such room")
    with target.without(raw_sql):
        assert (await target.first_frame(*way))["type"] == "chat_history"


# Conversations


def start(one: str, other: str) -> int:
    people = [User.objects.get(username=username) for username in (one, other)]
    conversation = conversation_services.start(*people)
    conversation_services.store(conversation.pk, people[1], "only for you", None)
    return conversation.pk


def everybodys():
    return patch("conversations.services.of", lambda user: Conversation.objects.all())


async def test_a_guessed_id_is_no_way_into_a_conversation(target, someone):
    """In the same words whether it is there or not; over HTTP too."""
    attacker, one, other = someone(), someone(), someone()
    number = target.call(start, one, other)
    way = (f"/ws/conversations/{number}/", bearer(target, attacker))
    messages = f"/api/conversations/{number}/messages/"
    headers = {"Authorization": f"Bearer {target.call(inside.access, attacker)}"}
    assert await target.refusal(*way) == NOT_YOURS
    nowhere = (f"/ws/conversations/{number + 1000}/", *way[1:])
    assert await target.refusal(*nowhere) == NOT_YOURS
    async with httpx.AsyncClient(base_url=target.url(""), headers=headers) as client:
        refused = await client.get(messages)
        assert refused.status_code == 404
        there_is_none = await client.get(f"/api/conversations/{number + 1000}/messages/")
        assert there_is_none.status_code == 404
        assert there_is_none.json() == refused.json()
        assert (await client.get("/api/conversations/")).json() == []
        with target.without(everybodys):
            (read,) = (await target.first_frame(*way))["messages"]
            assert (read["username"], read["message"]) == (other, "only for you")
            (read,) = (await client.get(messages)).json()["messages"]
            assert read["message"] == "only for you"


def names_in_a_header():
    """Whoever says who they are, as a proxy in front may: and so may whoever gets past it."""

    def authenticate(self, request):
        return User.objects.get(username=request.headers["X-User"]), None

    return patch("accounts.authentication.TokenAuthentication.authenticate", authenticate)


async def test_over_http_too_nobody_is_who_they_say(target, someone):
    attacker, victim = someone(), someone()
    number = target.call(start, victim, attacker)
    headers = {"X-User": victim}
    async with httpx.AsyncClient(base_url=target.url(""), headers=headers) as client:
        for path in ("/api/conversations/", f"/api/conversations/{number}/messages/"):
            assert (await client.get(path)).status_code == 401
        with target.without(names_in_a_header):
            (line,) = (await client.get("/api/conversations/")).json()
            assert (line["username"], line["unread"]) == (attacker, 1)


# Alerts


def hear_anything():
    return patch("alerts.consumers.may_hear", lambda user, group: True)


def team(name: str) -> int:
    return Team.objects.create(name=name).pk


@pytest.mark.parametrize("kind", ["staff", "person", "team"])
async def test_a_group_of_others_is_not_heard(target, someone, browser, kind):
    attacker, victim = someone(), someone()
    group = {
        "staff": lambda: "staff",
        "person": lambda: f"person.{target.call(ids, victim)[0]}",
        "team": lambda: f"team.{target.call(team, f'rowers of {victim}')}",
    }[kind]()
    way = ("/ws/alerts/", bearer(target, attacker))
    alert = {"text": "for your ears only", "group": f"alerts.{group}"}

    async def announce(staff):
        answer = await staff.post("/alerts/announce/", data=alert)
        assert answer.status_code == 302, answer.text

    async with browser("sam") as staff:
        async with target.socket(*way) as socket:
            own = (await socket.hear())["groups"]
            await socket.say("subscribe", group=group)
            assert await socket.hear() == NO_SUCH_GROUP
            await announce(staff)
            await socket.say("subscribe", group=own[0])  # the alert would have come before
            assert await socket.hear() == {"type": "subscribed", "groups": own}
        with target.without(hear_anything):
            async with target.socket(*way) as socket:
                await socket.hear()
                await socket.say("subscribe", group=group)
                await socket.get("subscribed")
                await announce(staff)
                assert (await socket.get("alert"))["text"] == "for your ears only"


ODD_GROUPS = ["", "alerts.staff", "staff ", "Staff", "person.", "person.0", "team.*", "../staff"]
ODD_GROUPS += ["person.1\n", "room.1", "é", "x" * 65]


async def test_an_odd_group_is_none(target, someone):
    async with target.socket("/ws/alerts/", bearer(target, someone())) as socket:
        await socket.hear()
        for group in ODD_GROUPS:
            await socket.say("subscribe", group=group)
            error = await socket.hear()
            assert error["code"] in ("not_allowed", "invalid_message"), (group, error)
        with target.without(hear_anything):
            for group in ("Staff", "person.0", "alerts.staff"):
                await socket.say("subscribe", group=group)
                assert group in (await socket.get("subscribed"))["groups"]


async def test_who_is_not_staff_sends_no_alert(target, someone, browser):
    victim = someone()
    (pk,) = target.call(ids, victim)
    alert = {"text": "from the staff", "group": f"alerts.person.{pk}"}
    async with browser(someone()) as page:
        assert (await page.post("/alerts/announce/", data=alert)).status_code == 403
        with target.without(everybody_is_staff):
            async with target.socket("/ws/alerts/", bearer(target, victim)) as socket:
                await socket.hear()
                assert (await page.post("/alerts/announce/", data=alert)).status_code == 302
                assert (await socket.get("alert"))["text"] == "from the staff"


def everybody_is_staff():
    return patch.object(User, "is_staff", property(lambda self: True, lambda self, value: None))


# What the client says of itself


def believe_the_client():
    """Pass on what came in, with the fields the client left out filled in, as tutorials do."""

    def fill_in(self, text: str) -> str:
        ours = {"number": 1, "username": self.user.username, "timestamp": str(datetime.now(UTC))}
        return json.dumps({**ours, **json.loads(text)})

    async def receive_in_room(self, text_data=None, bytes_data=None):
        text = fill_in(self, text_data)
        event = {"type": "pass_on", "text": text, "skip": None}
        await self.channel_layer.group_send(room_group(self.room_id), event)

    async def receive_in_conversation(self, text_data=None, bytes_data=None):
        event = {"type": "pass_on", "text": fill_in(self, text_data)}
        await self.broadcast(event)

    return all_of(
        patch.object(RoomConsumer, "receive", receive_in_room),
        patch.object(ConversationConsumer, "receive", receive_in_conversation),
    )


LONG_AGO = "1999-12-31T23:59:59+00:00"


@pytest.mark.parametrize("place", ["chat_message", "private_message", "conversation"])
async def test_nobody_speaks_as_somebody_else_or_at_another_time(target, someone, own_room, place):
    attacker, victim, friend = someone(), someone(), someone()
    if place == "conversation":
        path = f"/ws/conversations/{target.call(start, friend, attacker)}/"
        first, type, fields = "chat_history", "chat_message", {}
    else:
        path, first, type = own_room(attacker, friend, victim), "online", place
        fields = {"to": friend} if place == "private_message" else {}
    victim_id = target.call(ids, victim)[0]
    spoofed = {"username": victim, "sender": victim, "user": victim_id, "user_id": victim_id}
    spoofed |= {"number": 999, "id": 999, "timestamp": LONG_AGO, "sent_at": LONG_AGO, **fields}

    async def heard() -> dict:
        async with (
            target.socket(path, bearer(target, friend)) as listener,
            target.socket(path, bearer(target, attacker)) as socket,
        ):
            await listener.get(first)
            await socket.get(first)
            await socket.say(type, message="I owe you a boat", **spoofed)
            return await listener.get(type)

    frame = await heard()
    assert (frame["username"], frame["message"]) == (attacker, "I owe you a boat")
    sent_at = datetime.fromisoformat(frame["timestamp"])
    assert abs((datetime.now(UTC) - sent_at).total_seconds()) < 60
    if type == "chat_message":
        assert frame["number"] == (2 if place == "conversation" else 1)
    with target.without(believe_the_client):
        frame = await heard()
    assert (frame["username"], frame["number"], frame["timestamp"]) == (victim, 999, LONG_AGO)


# client_id


def client_ids_for_all():
    """Whoever repeats a client_id gets its row, and nothing of theirs is stored."""

    @transaction.atomic
    def store(room_id, user, text, client_id):
        room = Room.objects.select_for_update().get(pk=room_id)
        own = room.messages.select_related("user")
        if known := own.filter(client_id=client_id).first():
            return known
        raise AssertionError("the attack uses a client_id that is there")

    return patch("rooms.services.store", store)


async def test_another_ones_client_id_is_just_a_text(target, someone, own_room):
    attacker, victim = someone(), someone()
    path = own_room(attacker, victim)
    target.call(store, name_of(path), victim, "first", "c-1")
    async with target.socket(path, bearer(target, attacker)) as socket:
        await socket.get("online")
        assert await socket.said("mine", client_id="c-1") == 2
        with target.without(client_ids_for_all):
            assert await socket.said("swallowed", client_id="c-1") == 1  # the victim's
    assert target.call(inside.texts, name_of(path)) == [[victim, "first"], [attacker, "mine"]]


def store_in(conversation_id: int, username: str, text: str, client_id: str) -> int:
    user = User.objects.get(username=username)
    return conversation_services.store(conversation_id, user, text, client_id).number


def conversation_client_ids_for_all():
    def store(conversation_id, sender, text, client_id):
        conversation = Conversation.objects.get(pk=conversation_id)
        return conversation.messages.select_related("sender").filter(client_id=client_id)[0]

    return patch("conversations.services.store", store)


async def test_the_other_ones_client_id_is_just_a_text(target, someone):
    attacker, victim = someone(), someone()
    number = target.call(start, attacker, victim)
    assert target.call(store_in, number, victim, "second", "c-1") == 2
    path = f"/ws/conversations/{number}/"
    async with target.socket(path, bearer(target, attacker)) as socket:
        await socket.get("chat_history")
        assert await socket.said("mine", client_id="c-1") == 3
        with target.without(conversation_client_ids_for_all):
            assert await socket.said("swallowed", client_id="c-1") == 2


# Read receipts


async def test_nobody_reads_for_the_other_or_ahead(target, someone):
    attacker, victim = someone(), someone()
    path = f"/ws/conversations/{target.call(start, attacker, victim)}/"
    async with target.socket(path, bearer(target, attacker)) as socket:
        await socket.get("chat_history")
        await socket.say("read", up_to=999, username=victim)
        assert await socket.get("read") == {"type": "read", "username": attacker, "up_to": 1}
        with target.without(receipts_by_name):
            await socket.say("read", up_to=999, username=victim)
            assert await socket.get("read") == {"type": "read", "username": victim, "up_to": 999}


def receipts_by_name():
    async def receive(self, text_data=None, bytes_data=None):
        await self.broadcast({"type": "pass_on", "text": text_data})

    return patch.object(ConversationConsumer, "receive", receive)
