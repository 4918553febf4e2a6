"""Two servers behind one Redis: what ends, limits or opens at one holds at the other."""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack

import httpx
import pytest
from conftest import OURS

from .conftest import SECONDS, browse, connect, shell, tickets_of, tokens_of

pytestmark = pytest.mark.needs("redis")


async def closed_after(person, since: float) -> tuple[int, float]:
    code = await person.closed()
    return code, time.monotonic() - since


# The end of a right


async def test_a_log_out_at_one_server_closes_the_socket_at_the_other_within_a_second(two_servers):
    a, b = two_servers()
    async with (
        browse(a, "ada") as ada,
        browse(a, "ben") as ben,
        connect(b, "/ws/chat/lobby/", cookie=ada.cookie) as room,
        connect(b, "/ws/whoami/", cookie=ben.cookie) as other,
    ):
        await room.get("online")
        await other.hear()
        since = time.monotonic()
        assert (await ada.post("/logout/", page="/")).status_code == 302
        code, took = await closed_after(room, since)
        assert code == 4401
        assert took < 1
        await other.say("authenticate", token="no token")
        assert (await other.hear())["type"] == "error"  # it is open


@pytest.mark.slow
async def test_a_tokens_log_out_closes_at_the_other_server_too(two_servers):
    a, b = two_servers()
    tokens = await tokens_of(a, "ada")
    async with connect(b, "/ws/whoami/", f"bearer.{tokens['access']}") as ada:
        await ada.hear()
        since = time.monotonic()
        async with httpx.AsyncClient(base_url=a.http(), timeout=SECONDS) as client:
            answer = await client.post("/api/logout/", json={"refresh": tokens["refresh"]})
        assert answer.status_code == 204
        code, took = await closed_after(ada, since)
    assert (code, took < 1) == (4401, True)
    async with connect(b, "/ws/whoami/", f"bearer.{tokens['access']}") as again:
        assert await again.closed() == 4401


@pytest.mark.slow
async def test_a_kick_by_staff_closes_all_sockets_at_all_servers_within_a_second(two_servers):
    a, b = two_servers()
    async with browse(a, "sam") as sam, browse(a, "ada") as ada:
        access = (await tokens_of(b, "ada"))["access"]
        async with (
            connect(a, "/ws/whoami/", cookie=ada.cookie) as at_a,
            connect(b, "/ws/whoami/", cookie=ada.cookie) as at_b,
            connect(b, "/ws/whoami/", f"bearer.{access}") as by_token,
            connect(b, "/ws/whoami/", cookie=sam.cookie) as staff,
        ):
            people = (at_a, at_b, by_token)
            user_id = [(await person.hear())["user_id"] for person in people][0]
            await staff.hear()
            page = "/admin/auth/user/"
            since = time.monotonic()
            kicked = await sam.post(page, action="kick", _selected_action=user_id)
            assert kicked.status_code == 302
            ends = await asyncio.gather(*(closed_after(person, since) for person in people))
            assert [code for code, _ in ends] == [4401] * 3
            assert max(took for _, took in ends) < 1.5  # the page of the admin is read first
            await staff.say("authenticate", token="no token")
            assert (await staff.hear())["type"] == "error"
        assert (await ada.client.get("/")).status_code == 302  # the pages are over too


# Tickets


async def test_a_ticket_of_one_server_opens_a_socket_at_the_other(two_servers):
    a, b = two_servers()
    access = (await tokens_of(a, "ada"))["access"]
    (ticket,) = await tickets_of(a, access)
    async with connect(b, "/ws/whoami/", "pulse.v1", f"ticket.{ticket}") as ada:
        assert (await ada.hear())["via"] == "ticket"
        assert ada.connection.subprotocol == "pulse.v1"
    async with connect(a, "/ws/whoami/", "pulse.v1", f"ticket.{ticket}") as again:
        assert await again.closed() == 4401


@pytest.mark.slow
async def test_of_two_servers_at_the_same_moment_one_takes_the_ticket(two_servers):
    """Fifty tickets, each at both at once: one opens, always, and the other is 4401."""
    a, b = two_servers(CONNECTS_PER_MINUTE="1000")
    access = (await tokens_of(a, "ada"))["access"]

    async def use(server, ticket: str) -> str:
        async with connect(server, "/ws/whoami/", f"ticket.{ticket}") as ada:
            return (await ada.get("whoami", "closing"))["type"]

    for ticket in await tickets_of(a, access, 50):
        taken = await asyncio.gather(use(a, ticket), use(b, ticket))
        assert sorted(taken) == ["closing", "whoami"]


# Limits


@pytest.mark.slow
async def test_a_persons_messages_are_counted_across_servers_and_connections(two_servers):
    a, b = two_servers(USER_MESSAGES_PER_MINUTE="10")
    async with browse(a, "ada") as ada, browse(a, "ben") as ben:
        if (second := time.time() % 60) > 40:  # the count is by the minute: not across its end
            await asyncio.sleep(60 - second)
        acks = 0
        for number in range(12):
            server = (a, b)[number % 2]
            async with connect(server, "/ws/chat/lobby/", cookie=ada.cookie) as room:
                await room.get("online")
                await room.say(message=f"number {number}")
                answer = await room.get("ack", "error")
                acks += answer["type"] == "ack"
                assert answer["type"] == ("ack" if number < 10 else "error")
        assert answer["code"] == "too_fast"
        async with connect(b, "/ws/chat/lobby/", cookie=ben.cookie) as room:
            await room.say(message="his own count")
            assert (await room.get("ack", "error"))["type"] == "ack"
    assert acks == 10


async def test_connections_are_counted_across_servers(two_servers):
    a, b = two_servers(CONNECTIONS_PER_USER="4")
    async with browse(a, "ada") as ada, AsyncExitStack() as stack:
        for server in (a, b, a, b):
            opened = connect(server, "/ws/whoami/", cookie=ada.cookie)
            person = await stack.enter_async_context(opened)
            assert (await person.hear())["type"] == "whoami"
        for server in (a, b):
            async with connect(server, "/ws/whoami/", cookie=ada.cookie) as fifth:
                assert await fifth.closed() == 4429
        await person.connection.close()
        await let_in_again(a, ada.cookie)


async def let_in_again(server, cookie: str) -> float:
    """Try until a slot is free, as a page does that was told to try later; the seconds it took."""
    since = time.monotonic()
    async with asyncio.timeout(SECONDS):
        while True:
            async with connect(server, "/ws/whoami/", cookie=cookie) as person:
                if (await person.get("whoami", "closing"))["type"] == "whoami":
                    return time.monotonic() - since
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_the_slots_of_a_killed_server_run_out(two_servers):
    a, b = two_servers(CONNECTIONS_PER_USER="2", RECHECK_SECONDS="2", CONNECTS_PER_MINUTE="1000")
    async with browse(a, "ada") as ada, connect(a, "/ws/whoami/", cookie=ada.cookie) as kept:
        await kept.hear()
        async with connect(b, "/ws/whoami/", cookie=ada.cookie) as lost:
            await lost.hear()
            b._end(hard=True)
            b.process.wait(10)
        async with connect(a, "/ws/whoami/", cookie=ada.cookie) as third:
            assert await third.closed() == 4429  # nobody gave it back
        assert await let_in_again(a, ada.cookie) < 5
        # The one that lives kept its own all the time: there is one free slot, not two.
        async with connect(a, "/ws/whoami/", cookie=ada.cookie) as second:
            await second.get("whoami")
            async with connect(a, "/ws/whoami/", cookie=ada.cookie) as third:
                assert await third.closed() == 4429


# Without what they share

TWICE = """
import json, sys
import django
django.setup()
from django.core.cache import cache
from accounts import tickets

def by_mark(ticket):  # the wrong way: valid unless somebody has marked it as used
    return cache.add(f"used.{ticket}", 1, timeout=60)

def by_delete(ticket):  # as accounts/tickets.py does
    return tickets.claim(ticket) is not None

print("ready", flush=True)
for line in sys.stdin:
    way, ticket = json.loads(line)
    print(json.dumps(bool({"by_mark": by_mark, "by_delete": by_delete}[way](ticket))), flush=True)
"""


class Claimer:
    """A process of its own that claims what it is told to."""

    def __init__(self, process):
        self.process = process

    async def claim(self, way: str, ticket: str) -> bool:
        self.process.stdin.write(json.dumps([way, ticket]).encode() + b"\n")
        return json.loads(await asyncio.wait_for(self.process.stdout.readline(), SECONDS))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.slow
async def test_a_mark_lets_a_ticket_be_used_twice_where_each_process_has_a_cache(
    fresh, redis, shared
):
    """FACTS 33b, both ways: by `add` 50 of 50 twice without a shared cache; by `delete` never."""
    environment = {**OURS, "REDIS_URL": redis if shared else "", "PYTHONUTF8": "1"}
    claimers = []
    for _ in "ab":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            TWICE,
            cwd=fresh,
            env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert (await asyncio.wait_for(process.stdout.readline(), 30)).strip() == b"ready"
        claimers.append(Claimer(process))
    issued = shell(
        fresh,
        "from accounts import tickets; print(*[tickets.issue('a token') for _ in range(50)])",
        REDIS_URL=environment["REDIS_URL"],
    ).stdout.split()

    async def used(way: str) -> list[int]:
        """For each ticket, how many of the two processes took it, asked at the same moment."""
        return [
            sum(await asyncio.gather(*(claimer.claim(way, ticket) for claimer in claimers)))
            for ticket in issued
        ]

    assert await used("by_mark") == [1 if shared else 2] * 50
    # A ticket that another process issued is unknown without a shared cache: nobody gets in.
    assert await used("by_delete") == [1 if shared else 0] * 50
    for claimer in claimers:
        claimer.process.stdin.close()
        assert await asyncio.wait_for(claimer.process.wait(), SECONDS) == 0
        claimer.process._transport.close()


async def test_a_server_of_several_without_a_redis_issues_no_ticket(fresh, daphne):
    """And `manage.py` does not even start: see the step's own tests/test_checks.py."""
    server = daphne(fresh, env={"PROCESSES": "2"})
    access = (await tokens_of(server, "ada"))["access"]
    async with httpx.AsyncClient(base_url=server.http(), timeout=SECONDS) as client:
        answer = await client.post("/api/ws-ticket/", headers={"Authorization": f"Bearer {access}"})
    assert answer.status_code == 503
    assert "set REDIS_URL" in answer.json()["detail"]
