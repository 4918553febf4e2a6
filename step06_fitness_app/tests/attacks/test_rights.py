"""Somebody who is who they are, and reaches for what is not theirs."""

import json
from datetime import UTC, datetime
from unittest.mock import patch

import httpx
import pytest
from django.contrib.auth.models import User

from chat import services
from chat.consumers import ChatConsumer
from chat.models import Conversation
from tests.attacks import inside

NOT_YOURS = (4403, "this is no conversation of yours")


def bearer(target, username: str) -> str:
    return f"bearer.{target.call(inside.access, username)}"


def store(path: str, username: str, text: str, client_id: str | None = None) -> int:
    """A message of somebody, without a socket; its number."""
    user = User.objects.get(username=username)
    return services.store(int(inside.id_of(path)), user, text, client_id).number


# Conversations of others


def everybodys():
    return patch("chat.services.of", lambda user: Conversation.objects.all())


async def test_a_guessed_id_is_no_way_into_a_conversation(target, someone, own_talk):
    """In the same words whether it is there or not; over HTTP too."""
    attacker, one, other = someone(), someone(), someone()
    path = own_talk(one, other)
    target.call(store, path, other, "only for you")
    number = int(inside.id_of(path))
    way = (path, bearer(target, attacker))
    messages = f"/api/conversations/{number}/messages/"
    headers = {"Authorization": f"Bearer {target.call(inside.access, attacker)}"}
    assert await target.refusal(*way) == NOT_YOURS
    nowhere = (f"/ws/chat/{number + 1000}/", *way[1:])
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


def raw_sql():
    """The id put into the query's text."""

    def find(user, asked):
        query = f"SELECT * FROM chat_conversation WHERE id = {asked}"
        found = Conversation.objects.raw(query)[0]
        return Conversation.objects.select_related("first", "second").get(pk=found.pk)

    return patch("chat.services.find", find)


SQL = ["0 OR 1=1", "0 UNION SELECT * FROM chat_conversation --", "0/**/OR/**/1=1"]


@pytest.mark.parametrize("injected", SQL)
async def test_an_id_is_no_sql(target, someone, own_talk, injected):
    attacker, victim = someone(), someone()
    target.call(store, own_talk(victim), victim, "between us")
    way = (f"/ws/chat/{injected.replace(' ', '%20')}/", bearer(target, attacker))
    assert await target.refusal(*way) == NOT_YOURS
    with target.without(raw_sql):
        assert (await target.first_frame(*way))["type"] == "chat_history"


def names_in_a_header():
    """Whoever says who they are, as a proxy in front may: and so may whoever gets past it."""

    def authenticate(self, request):
        return User.objects.get(username=request.headers["X-User"]), None

    return patch("accounts.authentication.TokenAuthentication.authenticate", authenticate)


async def test_over_http_too_nobody_is_who_they_say(target, someone, own_talk):
    attacker, victim = someone(), someone()
    path = own_talk(victim, attacker)
    target.call(store, path, attacker, "hello")
    number = inside.id_of(path)
    headers = {"X-User": victim}
    async with httpx.AsyncClient(base_url=target.url(""), headers=headers) as client:
        for path in ("/api/conversations/", f"/api/conversations/{number}/messages/"):
            assert (await client.get(path)).status_code == 401
        with target.without(names_in_a_header):
            (line,) = (await client.get("/api/conversations/")).json()
            assert (line["username"], line["unread"]) == (attacker, 1)


# What the client says of itself


def believe_the_client():
    """Pass on what came in, with the fields the client left out filled in, as tutorials do."""

    async def receive(self, text_data=None, bytes_data=None):
        ours = {"number": 1, "username": self.user.username, "timestamp": str(datetime.now(UTC))}
        event = {"type": "frame", "text": json.dumps({**ours, **json.loads(text_data)})}
        event |= {"group": self.group, "number": None}
        await self.channel_layer.group_send(self.group, event)

    return patch.object(ChatConsumer, "receive", receive)


LONG_AGO = "1999-12-31T23:59:59+00:00"


def id_of(username: str) -> int:
    return User.objects.get(username=username).pk


async def test_nobody_speaks_as_somebody_else_or_at_another_time(target, someone, own_talk):
    attacker, victim, friend = someone(), someone(), someone()
    path = own_talk(friend, attacker)
    victim_id = target.call(id_of, victim)
    spoofed = {"username": victim, "sender": victim, "user": victim_id, "user_id": victim_id}
    spoofed |= {"number": 999, "id": 999, "timestamp": LONG_AGO, "sent_at": LONG_AGO}

    async def heard() -> dict:
        async with (
            target.socket(path, bearer(target, friend)) as listener,
            target.socket(path, bearer(target, attacker)) as socket,
        ):
            await listener.get("chat_history")
            await socket.get("chat_history")
            await socket.say(message="I owe you a boat", **spoofed)
            return await listener.get("chat_message")

    frame = await heard()
    assert (frame["username"], frame["message"]) == (attacker, "I owe you a boat")
    sent_at = datetime.fromisoformat(frame["timestamp"])
    assert abs((datetime.now(UTC) - sent_at).total_seconds()) < 60
    assert frame["number"] == 1
    with target.without(believe_the_client):
        frame = await heard()
    assert (frame["username"], frame["number"], frame["timestamp"]) == (victim, 999, LONG_AGO)


# client_id


def client_ids_for_all():
    """Whoever repeats a client_id gets its row, and nothing of theirs is stored."""

    def store_all(said):
        [(conversation_id, _, _, client_id)] = said
        conversation = Conversation.objects.get(pk=conversation_id)
        return [conversation.messages.select_related("sender").filter(client_id=client_id)[0]]

    return patch("chat.services.store_all", store_all)


async def test_the_other_ones_client_id_is_just_a_text(target, someone, own_talk):
    attacker, victim = someone(), someone()
    path = own_talk(attacker, victim)
    target.call(store, path, victim, "first", "c-1")
    async with target.socket(path, bearer(target, attacker)) as socket:
        await socket.get("chat_history")
        assert await socket.said("mine", client_id="c-1") == 2
        with target.without(client_ids_for_all):
            assert await socket.said("swallowed", client_id="c-1") == 1  # the victim's
    assert target.call(inside.texts, path) == [[victim, "first"], [attacker, "mine"]]


# Read receipts


async def test_nobody_reads_for_the_other_or_ahead(target, someone, own_talk):
    attacker, victim = someone(), someone()
    path = own_talk(attacker, victim)
    target.call(store, path, victim, "one")
    async with target.socket(path, bearer(target, attacker)) as socket:
        await socket.get("chat_history")
        await socket.say("read", up_to=999, username=victim)
        assert await socket.get("read") == {"type": "read", "username": attacker, "up_to": 1}
        with target.without(believe_the_client):
            await socket.say("read", up_to=999, username=victim)
            assert (await socket.get("read", username=victim))["up_to"] == 999
