"""A ticket that should not count: used, old, guessed, of somebody else."""

import asyncio
import threading
import time
from types import SimpleNamespace
from unittest.mock import patch

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings
from websockets.exceptions import InvalidMessage, InvalidStatus

from accounts import middleware, tickets
from tests.attacks import inside
from tests.attacks.inside import all_of

WHOAMI = "/ws/whoami/"
UNKNOWN = (4401, "the ticket is unknown, used, or has expired")


def look_only():
    """Find the ticket, and leave it where it is."""
    return patch("accounts.tickets.claim", lambda ticket: cache.get(tickets.key_of(ticket)))


async def test_a_ticket_opens_one_socket(target, someone):
    username = someone()
    way = (WHOAMI, "pulse.v1", f"ticket.{target.call(inside.ticket, username)}")
    gained = await target.first_frame(*way)
    assert (gained["username"], gained["via"]) == (username, "ticket")
    assert await target.refusal(*way) == UNKNOWN

    way = (WHOAMI, "pulse.v1", f"ticket.{target.call(inside.ticket, username)}")
    with target.without(look_only):
        for _ in range(2):
            assert (await target.first_frame(*way))["username"] == username


async def test_of_ten_sockets_at_once_one_gets_in(target, someone):
    username = someone()

    async def storm() -> list[str]:
        way = (WHOAMI, f"ticket.{target.call(inside.ticket, username)}")
        frames = await asyncio.gather(*(target.first_frame(*way) for _ in range(10)))
        return sorted(frame["type"] for frame in frames)

    assert await storm() == ["closing"] * 9 + ["whoami"]
    with target.without(look_only):
        assert await storm() == ["whoami"] * 10


def claim_at_once(careless: bool) -> int:
    """Two threads that have both found the ticket before either claims it; how many get it.

    In one process of this site that cannot happen, since one thread does all such work; in two
    processes, on two machines, it can.
    """
    ticket, met, got = tickets.issue("a token"), threading.Barrier(2, timeout=10), []
    get = LocMemCache.get

    def get_together(self, key, *args, **kwargs):
        value = get(self, key, *args, **kwargs)
        if key == tickets.key_of(ticket):
            met.wait()
        return value

    def claim():
        if careless:  # whoever found it has it
            token = cache.get(tickets.key_of(ticket))
            cache.delete(tickets.key_of(ticket))
        else:
            token = tickets.claim(ticket)
        got.append(token)

    with patch.object(LocMemCache, "get", get_together):
        threads = [threading.Thread(target=claim) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return got.count("a token")


def test_of_two_that_found_it_one_gets_it(target):
    assert target.call(claim_at_once, False) == 1
    assert target.call(claim_at_once, True) == 2


def half_a_minute_later():
    """The cache's clock, not the token's: that is still good then."""
    later = SimpleNamespace(time=lambda: time.time() + 31)
    return patch("django.core.cache.backends.locmem.time", later)


def no_end():
    return override_settings(TICKET_SECONDS=None)


async def test_a_ticket_is_not_good_after_its_time(target, someone):
    username = someone()
    way = (WHOAMI, f"ticket.{target.call(inside.ticket, username)}")
    with target.without(half_a_minute_later):
        assert await target.refusal(*way) == UNKNOWN
    with target.without(no_end):
        way = (WHOAMI, f"ticket.{target.call(inside.ticket, username)}")
    with target.without(half_a_minute_later):
        assert (await target.first_frame(*way))["username"] == username


def believe_the_query():
    """The ticket says that somebody may come in, and the client who it is."""
    strict = middleware.from_handshake

    def from_handshake(scope):
        strict(scope)
        claimed = User.objects.get(username=scope["query_string"].decode().partition("=")[2])
        return SimpleNamespace(
            via="ticket", user_id=claimed.pk, expires=None, check=lambda: claimed
        )

    return patch("accounts.middleware.from_handshake", from_handshake)


async def test_a_ticket_is_of_who_asked_for_it(target, someone):
    """A ticket stands for the token it was issued for; neither a cookie beside it nor a claim in
    the address makes it another's."""
    attacker, victim = someone(), someone()
    cookie = target.call(inside.cookie, victim)
    path = f"{WHOAMI}?username={victim}"

    def ticket() -> str:
        return f"ticket.{target.call(inside.ticket, attacker)}"

    assert (await target.first_frame(path, ticket(), cookie=cookie))["username"] == attacker
    with target.without(believe_the_query):
        assert (await target.first_frame(path, ticket()))["username"] == victim


async def test_a_ticket_is_asked_for_in_ones_own_name_only(target, someone):
    """Whatever the body says: the answer is a ticket of the token's own person."""
    attacker, victim = someone(), someone()
    bearer = {"Authorization": f"Bearer {target.call(inside.access, attacker)}"}
    victims = target.call(inside.access, victim)
    async with httpx.AsyncClient(base_url=target.url("")) as client:
        for asked in ({"username": victim}, {"user_id": 1}, [1], "x", None):
            answer = await client.post("/api/ws-ticket/", headers=bearer, json=asked)
            assert answer.status_code == 200
            way = (WHOAMI, f"ticket.{answer.json()['ticket']}")
            assert (await target.first_frame(*way))["username"] == attacker
        two = [("Authorization", bearer["Authorization"]), ("Authorization", f"Bearer {victims}")]
        for headers, status in ([], 401), (two, 401), ([("Authorization", "Bearer")], 401):
            answer = await client.post("/api/ws-ticket/", headers=headers)
            assert answer.status_code == status, answer.text
        cookie = {"Cookie": target.call(inside.cookie, attacker)}  # no CSRF check stands there
        assert (await client.post("/api/ws-ticket/", headers=cookie)).status_code == 401


def two_processes(lose_check=False):
    contexts = [override_settings(PROCESSES=2)]
    if lose_check:
        contexts.append(patch("accounts.tickets.require_shared_cache"))
    return all_of(*contexts)


async def test_no_ticket_where_each_process_has_a_cache_of_its_own(target, someone):
    bearer = {"Authorization": f"Bearer {target.call(inside.access, someone())}"}
    async with httpx.AsyncClient(base_url=target.url(""), headers=bearer) as client:
        with target.without(two_processes):
            answer = await client.post("/api/ws-ticket/")
            assert answer.status_code == 503
            assert "set REDIS_URL" in answer.json()["detail"]
        with target.without(two_processes, True):
            answer = await client.post("/api/ws-ticket/")
            assert (answer.status_code, len(answer.json()["ticket"])) == (200, 43)


def countable():
    """Tickets by number, as easy to guess as to make."""
    return patch("accounts.tickets.secrets.token_urlsafe", lambda size: "1017")


def one_shelf():
    """A key made of a part of the ticket: every other ticket finds the same one."""
    return patch("accounts.tickets.key_of", lambda ticket: "ticket." + ticket[:0])


async def test_a_ticket_cannot_be_guessed(target, someone):
    username = someone()
    target.call(inside.ticket, username)
    tries = [f"ticket.{number}" for number in range(1010, 1020)]
    answers = [await target.first_frame(WHOAMI, guess) for guess in tries]
    assert [answer["type"] for answer in answers] == ["closing"] * 10
    with target.without(countable):
        target.call(inside.ticket, username)
        answers = [await target.first_frame(WHOAMI, guess) for guess in tries]
        assert [answer.get("username") for answer in answers].count(username) == 1


ODD = {
    "empty": "",
    "a-space-encoded": "%20",
    "nul": "%00",
    "unicode": "%C3%A9%F0%9F%98%80",
    "no-utf-8": "%FF%FE",
    "a-pattern": "*",
    "10-kb": "x" * 10_000,
    "another-key-of-the-cache": "limits.connects.1",
    "a-token": "a.b.c",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_an_odd_ticket_is_none(target, someone, odd):
    username = someone()
    way = (WHOAMI, "pulse.v1", f"ticket.{odd}")
    target.call(inside.ticket, username)  # one that is there to be found
    assert await target.refusal(*way) == UNKNOWN
    with target.without(one_shelf):
        target.call(inside.ticket, username)
        assert (await target.first_frame(*way))["username"] == username


def long_headers():
    return all_of(
        patch("twisted.web.http.HTTPChannel.totalHeadersSize", 200_000),
        patch("twisted.web.http.HTTPChannel.MAX_LENGTH", 200_000, create=True),
    )


async def test_60_kb_of_ticket_do_not_reach_the_cache(target):
    """Twisted's limit of 16 KiB for a request's head."""
    way = (WHOAMI, "pulse.v1", "ticket." + "x" * 60_000)
    with pytest.raises((InvalidStatus, InvalidMessage, ConnectionError)) as refused:
        await target.first_frame(*way)
    if isinstance(refused.value, InvalidStatus):
        assert refused.value.response.status_code == 400
    with target.without(long_headers):
        assert await target.refusal(*way) == UNKNOWN
