"""Several servers on one PostgreSQL and one Redis, by Channels' groups and by the hub."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from conftest import start_daphne

from .conftest import shell

pytestmark = [pytest.mark.slow, pytest.mark.needs("redis"), pytest.mark.needs("postgresql")]


def numbers(frames: list[dict]) -> list[int]:
    return [frame["number"] for frame in frames]


# Chat


async def heard_up_to(person, last: int) -> list[int]:
    """The numbers of the messages that come, one by one or, after an overtaken one, as a page."""
    heard = []
    while last not in heard:
        frame = await person.hear()
        heard += numbers([frame] if frame["type"] == "chat_message" else frame.get("messages", []))
    return heard


async def test_two_talk_through_two_servers(two, circle):
    a, b = two
    async with circle.connect(a, "owner", circle.chat) as here:
        async with circle.connect(b, "friend", circle.chat) as there:
            await here.say("typing", is_typing=True)
            assert (await there.get("typing"))["username"] == circle.names["owner"]

            async def talk(person) -> None:
                for number in range(10):
                    await person.say("chat_message", message=str(number), client_id=str(number))

            await asyncio.gather(talk(here), talk(there))
            for person in (here, there):
                assert await heard_up_to(person, 20) == list(range(1, 21))
            await there.say("read", up_to=20)
            assert (await here.get("read"))["username"] == circle.names["friend"]
        for number in range(3):
            await here.say("chat_message", message="missed", client_id=f"later {number}")
            await here.get("ack")
        async with circle.connect(a, "friend", f"{circle.chat}?after=20") as back:
            assert numbers(back.first["messages"]) == [21, 22, 23]


# Notifications


async def test_a_bell_rings_at_two_servers_and_is_read_at_both(two, circle):
    a, b = two
    bell = "/ws/notifications/"
    asked = f"/api/friends/{circle.names['owner']}/"
    async with circle.connect(a, "owner", bell) as here:
        async with circle.connect(b, "owner", bell) as there:
            assert (await circle.send(a, "stranger", "POST", asked)).status_code == 200
            for tab in (here, there):
                frame = await tab.get("friend_request")
                assert (frame["number"], frame["username"]) == (1, circle.names["stranger"])
            await here.say("mark", numbers=[1], is_read=True)
            for tab in (here, there):
                assert (await tab.get("marked"))["unread"] == 0
        assert (await circle.send(b, "trainer", "POST", asked)).status_code == 200
        assert (await here.get("friend_request"))["number"] == 2
        async with circle.connect(b, "owner", f"{bell}?after=1") as back:
            assert numbers(back.first["notifications"]) == [2]
            assert back.first["unread"] == 1


# Live workouts


async def test_a_workout_at_one_server_is_watched_at_the_other(two, circle):
    a, b = two
    async with (
        circle.connect(a, "owner", circle.workout) as owner,
        circle.connect(b, "friend", circle.workout) as watcher,
        circle.connect(b, "owner", "/ws/notifications/") as bell,
    ):
        await owner.say("workout_start", kind="cycling", client_id="begin", privacy="friends")
        workout = (await owner.get("ack"))["number"]
        while (await watcher.get("workout_state"))["workout"] is None:
            pass
        for second in range(1, 6):
            await owner.say("workout_update", time=second, heart_rate=100 + second)
        frames = await watcher.until("workout_update", time=5)
        assert [f["time"] for f in frames if f["type"] == "workout_update"] == [1, 2, 3, 4, 5]
        await owner.get("saved", up_to=5)
        lifted = {"exercise": "squat", "sets": 1, "reps": 5, "weight": 60}
        await owner.say("workout_update", **lifted, client_id="set")
        assert (await watcher.get("workout_update", exercise="squat"))["number"] == 1
        await owner.say("workout_finish")
        done = await watcher.get("workout_finished")
        assert (done["workout_id"], done["totals"]["heart_rate_max"]) == (workout, 105)
        assert (await bell.get("achievement_notification"))["workout_id"] == workout


async def test_who_may_no_longer_watch_is_put_out_at_the_other_server(two, circle):
    a, b = two
    async with (
        circle.connect(b, "friend", circle.workout) as friend,
        circle.connect(b, "trainer", circle.workout) as trainer,
        circle.connect(b, "another", circle.workout) as another,
    ):
        block = f"/api/blocks/{circle.names['another']}/"
        unfriend = f"/api/friends/{circle.names['friend']}/"
        since = time.monotonic()
        for watcher, request in [
            (another, circle.send(a, "owner", "POST", block)),
            (friend, circle.send(a, "owner", "DELETE", unfriend)),
            (trainer, circle.send(a, "owner", "PATCH", "/api/me/", json={"trainer": None})),
        ]:
            assert (await request).is_success
            assert await watcher.closed() == 4403
        assert time.monotonic() - since < 5  # of the 60 until everybody is looked at


# Challenges


async def test_boards_come_in_order_and_at_most_five_a_second(two, circle):
    a, b = two
    join = f"/api/challenges/{circle.challenge.split('/')[-2]}/join/"
    assert (await circle.send(a, "friend", "POST", join)).status_code == 200
    async with (
        circle.connect(a, "owner", circle.challenge) as owner,
        circle.connect(b, "friend", circle.challenge) as friend,
        circle.connect(a, "stranger", circle.challenge) as here,
        circle.connect(b, "trainer", circle.challenge) as there,
    ):

        async def race(person, step: float) -> None:
            for number in range(1, 41):
                value = number * step
                await person.say("progress_update", value=value, client_id=f"{value}")
                await asyncio.sleep(0.03)

        async def watch(person) -> tuple[list[int], list[float], list]:
            """The versions that came, when, and the last board."""
            versions, times = [], []
            while True:
                frame = await person.get("leaderboard_update")
                versions.append(frame["version"])
                times.append(time.monotonic())
                if [line["progress"] for line in frame["top"]] == [80, 40]:
                    return versions, times, frame["top"]

        races = race(owner, 1), race(friend, 2)
        *_, one, other = await asyncio.gather(*races, watch(here), watch(there))
    for versions, times, top in (one, other):
        assert versions == sorted(set(versions))
        assert len(times) <= 5 * (times[-1] - times[0]) + 2  # a late one, and the one after it
        names = [line["username"] for line in top]
        assert names == [circle.names["friend"], circle.names["owner"]]


# A server is killed


async def test_a_killed_server_loses_nothing_of_who_comes_back(two, circle, project, shared):
    a, b = two
    killed = start_daphne(project, env=shared)
    try:
        async with (
            circle.connect(killed, "owner", circle.workout) as owner,
            circle.connect(killed, "owner", circle.chat) as talker,
            circle.connect(a, "friend", circle.chat) as listener,
            circle.connect(a, "friend", circle.workout) as watcher,
        ):
            await owner.say("workout_start", kind="running", client_id="begin")
            workout = (await owner.get("ack"))["number"]
            await talker.say("chat_message", message="off I go", client_id="c-1")
            await talker.get("ack")
            await listener.get("chat_message")
            for second in range(1, 4):
                await owner.say("workout_update", time=second, heart_rate=100)
            kept = (await owner.get("saved", up_to=3))["up_to"]
            for second in range(4, 8):
                await owner.say("workout_update", time=second, heart_rate=100)
            await watcher.get("workout_update", time=7)  # taken, and not stored perhaps
            killed._end(hard=True)
            killed.process.wait(10)
            async with (
                circle.connect(b, "owner", circle.workout) as back,
                circle.connect(b, "owner", f"{circle.chat}?after=0") as again,
            ):
                assert [line["message"] for line in again.first["messages"]] == ["off I go"]
                assert back.first["workout"]["id"] == workout
                assert back.first["workout"]["saved_up_to"] >= kept
                await again.say("chat_message", message="off I go", client_id="c-1")
                assert (await again.get("ack"))["number"] == 1  # said twice, stored once
                for second in range(4, 8):
                    await back.say("workout_update", time=second, heart_rate=100)
                await watcher.get("workout_update", time=7)
                await back.say("workout_finish")
                await watcher.get("workout_finished")
        samples = await circle.send(a, "owner", "GET", f"/api/workouts/{workout}/samples/")
        assert [row[0] for row in samples.json()["samples"]] == [1, 2, 3, 4, 5, 6, 7]
    finally:
        killed.stop()


# What ends, and what is counted


async def test_a_log_out_at_one_server_closes_all_sockets_at_the_other(two, circle):
    a, b = two
    async with AsyncExitStack() as stack:
        paths = ["/ws/whoami/", "/ws/notifications/", circle.chat, circle.workout, circle.challenge]
        sockets = [
            await stack.enter_async_context(circle.connect(b, "owner", path)) for path in paths
        ]
        other = await stack.enter_async_context(circle.connect(b, "friend", circle.chat))
        since = time.monotonic()
        assert (await circle.send(a, "owner", "POST", "/logout/")).status_code == 302
        assert await asyncio.gather(*(socket.closed() for socket in sockets)) == [4401] * 5
        assert time.monotonic() - since < 5
        await other.say("authenticate", token="no token")
        assert (await other.get("error"))["code"] == "not_authenticated"  # it is open


async def test_connections_are_counted_across_servers(two, circle):
    a, b = two
    async with AsyncExitStack() as stack:
        for server in (a, b) * 3:
            opened = circle.connect(server, "owner", "/ws/whoami/")
            person = await stack.enter_async_context(opened)
            assert person.first["type"] == "whoami"
        for server in (a, b):
            async with circle.connect(server, "owner", circle.chat) as seventh:
                assert seventh.first["code"] == 4429


async def test_messages_are_counted_across_servers(two, circle):
    async def acks(name: str) -> tuple[int, bool]:
        """How many of 70 two servers in turn take; and whether within a minute of the clock."""
        minute, taken = time.time() // 60, 0
        async with (
            circle.connect(two[0], name, circle.chat) as one,
            circle.connect(two[1], name, circle.chat) as other,
        ):
            for number in range(70):
                person = (one, other)[number % 2]
                await person.say("chat_message", message="hello")
                while (answer := await person.hear())["type"] not in ("ack", "error"):
                    pass
                taken += answer["type"] == "ack"
        return taken, time.time() // 60 == minute

    taken, is_one_minute = await acks("owner")
    if not is_one_minute:  # the next has only begun
        taken, is_one_minute = await acks("friend")
    assert (taken, is_one_minute) == (60, True)


# Two writers

# The first to begin is the last to commit. A reader looks in between, keeps the position of the
# last row it saw, and later asks for what came after.
REVERSED = """
import json
import threading
import time
import uuid

from django.contrib.auth.models import User
from django.db import connection, transaction
from chat import services as chat
from chat.models import Conversation, Message
from notifications import services as notifications
from notifications.models import Notification

owner, friend = (User.objects.get(username=name) for name in {names})


def bell_by_number():  # as services do it
    write = lambda text: notifications.notify(owner, "friend_request", username=text)
    read = lambda last: notifications.page(owner.pk, after=last)
    return write, read, lambda row: row.number, lambda row: row.data["username"]


def bell_by_id():  # the wrong way
    def write(text):
        number = uuid.uuid4().int >> 65
        Notification.objects.create(user=friend, number=number, kind="x", data=dict(username=text))

    read = lambda last: list(Notification.objects.filter(user=friend, pk__gt=last).order_by("pk"))
    return write, read, lambda row: row.pk, lambda row: row.data["username"]


talk = chat.start(owner, friend)


def chat_by_number():
    write = lambda text: chat.store(talk.pk, owner, text, None)
    read = lambda last: chat.page(owner, talk.pk, after=last)[1]
    return write, read, lambda row: row.number, lambda row: row.text


def is_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def read_between(way):
    write, read, position, text = way()
    written, may_commit, committed = threading.Event(), threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            write("began first")
            written.set()
            assert may_commit.wait(20)
        connection.close()

    def quick():
        write("began second")
        committed.set()
        connection.close()

    writers = [threading.Thread(target=slow), threading.Thread(target=quick)]
    writers[0].start()
    assert written.wait(20)
    writers[1].start()
    deadline = time.monotonic() + 20
    while not committed.wait(0.02) and not is_waiting():
        assert time.monotonic() < deadline
    seen = read(0)
    overtook = committed.is_set()
    may_commit.set()
    for writer in writers:
        writer.join(20)
    seen += read(position(seen[-1]) if seen else 0)
    return dict(overtook=overtook, seen=[text(row) for row in seen])


ways = (bell_by_number, chat_by_number, bell_by_id)
print(json.dumps(dict((way.__name__, read_between(way)) for way in ways)))
"""


def test_two_writers_that_commit_in_reverse_order_lose_no_reader_anything(
    project, on_postgres, circle
):
    names = [circle.names["owner"], circle.names["friend"]]
    ways = shell(project, REVERSED.format(names=names), **on_postgres)
    in_order = {"overtook": False, "seen": ["began first", "began second"]}
    assert ways["bell_by_number"] == in_order
    assert ways["chat_by_number"] == in_order
    assert ways["bell_by_id"] == {"overtook": True, "seen": ["began second"]}
