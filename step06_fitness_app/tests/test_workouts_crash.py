"""A server that is killed in the middle of a workout, and what is left of it."""

import asyncio
import os
import re
import time
from contextlib import asynccontextmanager

import pytest
import websockets
from channels.db import database_sync_to_async as in_thread
from django.db import connection

from tests.people import Talking, browser_of, cookie_of
from tests.sockets import Real
from tests.working_out import begin, path, stored, the

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class Member(Talking, Real):
    """A real client of a real server."""


@pytest.fixture
def serve(daphne, monkeypatch):
    """Start Daphne on the database of the tests."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        url = f"sqlite:///{name}?transaction_mode=IMMEDIATE&timeout=10"
    else:
        url = re.sub("[^/]+$", name, os.environ["DATABASE_URL"])
    monkeypatch.setenv("DATABASE_URL", url)
    return daphne


@asynccontextmanager
async def connected(server, user):
    """The user's socket at that server, in their own workout; `first` is the state."""
    headers = {"Cookie": cookie_of(await in_thread(browser_of)(user))}
    url = server.url(path(user), "ws")
    async with websockets.connect(url, origin=server.url(""), additional_headers=headers) as socket:
        member = Member(socket)
        member.first = await member.hear()
        yield member


@in_thread
def kill(server) -> None:
    """As `kill -9`: nothing is stored any more, nobody is told."""
    server.process.kill()
    server.process.wait(10)


async def until_killed(server, member, seconds: float) -> tuple[dict[float, float], list[float]]:
    """Send 20 samples a second, and kill the server in the middle.

    Gives when each was sent, by its time, and what was said to be saved.
    """
    sent, saved = {}, []

    async def listen():
        try:
            while True:
                frame = await member.hear()
                if frame["type"] == "saved":
                    saved.append(frame["up_to"])
        except Exception:  # the server is gone
            pass

    listening = asyncio.create_task(listen())
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        at = round(time.monotonic() - began, 3)
        await member.say("workout_update", time=at, power=200)
        sent[at] = time.monotonic()
        await asyncio.sleep(0.05)  # a sensor's pace, not a wait for a result
    await kill(server)
    await listening
    return sent, saved


# --8<-- [start:crash]
async def test_a_crash_costs_the_last_second_and_nothing_if_it_is_sent_again(people, serve):
    ada, server = people["ada"], await in_thread(serve)()
    async with connected(server, ada) as me:
        workout = await begin(me)
        sent, saved = await until_killed(server, me, 3.3)
    killed = time.monotonic()
    kept = {row[0] for row in await stored(workout["id"])}
    assert saved and kept >= {at for at in sent if at <= saved[-1]}  # what it said is true
    lost = [at for at in sent if at not in kept]
    assert lost  # or nothing was shown here
    assert all(killed - sent[at] < 1.5 for at in lost)  # a second, and a slow machine's turn

    server = await in_thread(serve)()
    async with connected(server, ada) as me:
        state = me.first["workout"]
        assert (state["id"], state["state"]) == (workout["id"], "running")
        assert state["saved_up_to"] == max(kept)
        rest = [at for at in sent if at > saved[-1]]  # more than was lost, to be safe
        for at in rest:
            await me.say("workout_update", time=at, power=200)
        await me.get("saved", up_to=max(sent))
        await me.say("workout_finish")
        totals = (await me.get("workout_finished"))["totals"]
    assert [row[0] for row in await stored(workout["id"])] == sorted(sent)
    assert totals["duration_seconds"] == round(max(sent), 1) and totals["power_mean"] == 200


# --8<-- [end:crash]


async def test_a_finished_workout_survives_a_crash_whole(people, serve):
    ada, server = people["ada"], await in_thread(serve)()
    async with connected(server, ada) as me:
        workout = await begin(me)
        for at in range(50):
            await me.say("workout_update", time=at, heart_rate=100)
        await me.say("workout_update", exercise="Squat", sets=1, reps=5, weight=80)
        await me.say("workout_finish")
        totals = (await me.get("workout_finished"))["totals"]
        await kill(server)
    done = await the(workout["id"])
    assert done.state == "finished" and done.repetitions == 5 and done.heart_rate_mean == 100
    assert done.duration_seconds == totals["duration_seconds"]
    assert len(await stored(workout["id"])) == 50
