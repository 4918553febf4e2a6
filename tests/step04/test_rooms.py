"""Rooms on real servers: two databases, several processes, and servers that are killed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
import websockets
from conftest import OURS, Server

from .conftest import manage

SECONDS = 20  # no test waits longer

# Two writers: the first to begin is the last to commit. A reader looks in between, keeps the
# position of the last row it saw, and later asks for what came after.
REVERSED = """
import json
import threading
import time
import uuid

from django.db import connection, transaction
from rooms import services
from rooms.models import Message, Room


# --8<-- [start:reversed]
def by_number(room):  # as services does it
    write = lambda text: services.store(room.pk, text, text, None)
    return write, services.after, lambda message: message.number


def by_id(room):  # the wrong way
    def write(text):
        number = uuid.uuid4().int >> 65
        Message.objects.create(room=room, number=number, username=text, text=text)

    def read(room_id, last):
        return list(Message.objects.filter(room_id=room_id, pk__gt=last).order_by("pk"))

    return write, read, lambda message: message.pk


def is_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def read_between(way):
    room = Room.objects.create(name=way.__name__)
    write, read, position = way(room)
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
    seen = read(room.pk, 0)
    overtook = committed.is_set()
    may_commit.set()
    for writer in writers:
        writer.join(20)
    last = position(seen[-1]) if seen else 0
    seen += read(room.pk, last)
    return {"overtook": overtook, "seen": [message.text for message in seen]}


# --8<-- [end:reversed]
print(json.dumps({way.__name__: read_between(way) for way in (by_number, by_id)}))
"""

# Ten writers in this process, five messages each; half of them are said twice.
WRITERS = """
import os
import threading

from django.db import connection
from rooms import services
from rooms.models import Room

room = Room.objects.get(name="busy")
failed = []


def write(writer):
    try:
        for n in range(5):
            for _ in range(1 + n % 2):
                services.store(room.pk, "Ann", "hello", f"{os.getpid()}-{writer}-{n}")
    except Exception as problem:
        failed.append(problem)
    finally:
        connection.close()


threads = [threading.Thread(target=write, args=[writer]) for writer in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failed, failed
"""
COUNT = """
from rooms.models import Message, Room
room = Room.objects.get(name="busy")
messages = Message.objects.filter(room=room).order_by("number")
numbers = list(messages.values_list("number", flat=True))
print(numbers == list(range(1, 101)), len(numbers), room.last_number)
"""


def shell(project: Path, code: str, **environment: str) -> str:
    done = manage(project, "shell", "--verbosity", "0", "--command", code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def on_postgres(project: Path, new_postgres: Callable[[], str]) -> dict[str, str]:
    """The environment in which the step uses a PostgreSQL database, migrated."""
    environment = {"DATABASE_URL": new_postgres()}
    assert manage(project, "migrate", "--verbosity", "0", **environment).returncode == 0
    return environment


@pytest.mark.slow
@pytest.mark.needs("postgresql")
def test_two_writers_that_commit_in_reverse_order(project: Path, on_postgres: dict[str, str]):
    """Numbered under the lock, no reader misses either; numbered by id, a reader does."""
    result = json.loads(shell(project, REVERSED, **on_postgres))
    assert result["by_number"] == {"overtook": False, "seen": ["began first", "began second"]}
    assert result["by_id"] == {"overtook": True, "seen": ["began second"]}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgresql"))])
def database(request: pytest.FixtureRequest, project: Path) -> dict[str, str]:
    """Both databases, with an empty room called busy."""
    environment = request.getfixturevalue("on_postgres") if request.param == "postgres" else {}
    make = "from rooms.models import Room; Room.objects.filter(name='busy').delete(); "
    shell(project, make + "Room.objects.create(name='busy')", **environment)
    return environment


@pytest.mark.slow
def test_twenty_writers_in_two_processes_number_without_gap_or_double(project, database):
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", WRITERS]
    writers = [
        subprocess.Popen(
            command,
            cwd=project,
            env={**OURS, "PYTHONUTF8": "1", **database},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for _ in range(2)
    ]
    for writer in writers:
        _, problems = writer.communicate(timeout=60)
        assert writer.returncode == 0, problems
    assert shell(project, COUNT, **database).split() == ["True", "100", "100"]


# Clients


class Client:
    """A raw client that behaves as static/js does: it resumes by number and sends again."""

    def __init__(self, name: str, room: str = "lobby"):
        self.name, self.room = name, room
        self.got: list[tuple[int, str]] = []  # numbers and texts, in the order they came
        self.unacknowledged: dict[str, str] = {}
        self.last: int | None = None

    @asynccontextmanager
    async def enter(self, server: Server):
        after = {} if self.last is None else {"after": self.last}
        path = f"/ws/chat/{self.room}/?{urlencode({'name': self.name, **after})}"
        headers = {"Cookie": f"step04_groups_sessionid=browser-of-{self.name.lower()}"}
        async with websockets.connect(server.ws(path), additional_headers=headers) as connection:
            self.connection = connection
            for client_id, text in self.unacknowledged.items():
                await self.send(text, client_id)
            yield self

    async def send(self, text: str, client_id: str) -> None:
        frame = {"type": "chat_message", "message": text, "client_id": client_id}
        await self.connection.send(json.dumps(frame))

    async def say(self, text: str) -> None:
        client_id = f"{self.name}-{text}"
        self.unacknowledged[client_id] = text
        await self.send(text, client_id)

    async def hear(self) -> dict:
        frame = json.loads(await asyncio.wait_for(self.connection.recv(), SECONDS))
        for message in frame.get("messages", [frame] if frame["type"] == "chat_message" else []):
            self.got.append((message["number"], message["message"]))
            self.last = message["number"]
        if frame["type"] == "chat_history" and self.last is None:
            self.last = 0
        if frame["type"] == "ack":
            self.unacknowledged.pop(frame["client_id"], None)
        return frame

    async def get(self, type: str, **fields) -> dict:
        while not {"type": type, **fields}.items() <= (frame := await self.hear()).items():
            pass
        return frame

    async def until_told(self, count: int) -> None:
        """Until this many messages came and all of its own are acknowledged."""
        while len(self.got) < count or self.unacknowledged:
            await self.hear()


def make_room(project: Path, name: str, **environment: str) -> str:
    shell(
        project, f"from rooms.models import Room; Room.objects.create(name='{name}')", **environment
    )
    return name


def kill(server: Server) -> None:
    """SIGKILL: nothing in it gets to say goodbye."""
    server._end(hard=True)
    server.process.wait(10)


# --8<-- [start:killed]
@pytest.mark.slow
@pytest.mark.needs("redis")
async def test_people_of_a_killed_server_vanish_by_themselves(project, daphne, redis):
    make_room(project, "vanish")
    environment = {"REDIS_URL": redis, "HEARTBEAT": "0.5", "GONE_AFTER": "4"}
    one, two = daphne(project, env=environment), daphne(project, env=environment)
    ann, bob = Client("Ann", "vanish"), Client("Bob", "vanish")
    async with ann.enter(one):
        await ann.get("online", usernames=["Ann"])
        with pytest.raises(websockets.ConnectionClosedError):
            async with bob.enter(two):
                await ann.get("user_joined", username="Bob", online=2)
                await bob.get("online", usernames=["Ann", "Bob"])
                kill(two)
                await asyncio.wait_for(bob.connection.wait_closed(), SECONDS)
                await bob.say("into the void")
        assert await ann.get("user_left") == {"type": "user_left", "username": "Bob", "online": 1}
        async with Client("Bob", "vanish").enter(one) as again:
            await again.get("online", usernames=["Ann", "Bob"])


# --8<-- [end:killed]


async def test_a_killed_server_started_again_nothing_missing_nothing_doubled(project, daphne):
    """Killed in the middle of everything; whoever comes back asks for what came after N."""
    make_room(project, "resume")
    ann, bob = Client("Ann", "resume"), Client("Bob", "resume")
    server = daphne(project)
    async with ann.enter(server), bob.enter(server):
        for client in (ann, bob):
            await client.get("online")
        for n in range(5):
            await ann.say(f"a{n}")
            await bob.say(f"b{n}")
        await bob.get("chat_message", number=4)
        for n in range(5, 20):
            await ann.say(f"a{n}")  # stored or not, acknowledged or not: nobody knows
        kill(server)
    with pytest.raises(websockets.ConnectionClosed):
        while True:
            await ann.hear()
    for n in range(20, 23):
        ann.unacknowledged[f"Ann-a{n}"] = f"a{n}"  # said while there is no server
    server = daphne(project)
    # One after the other: Bob finds the server first, and what Ann sends again comes to him live.
    async with bob.enter(server), ann.enter(server):
        await asyncio.gather(ann.until_told(28), bob.until_told(28))
    said = {f"a{n}" for n in range(23)} | {f"b{n}" for n in range(5)}
    for client in (ann, bob):
        assert [number for number, _ in client.got] == list(range(1, 29))
        assert {text for _, text in client.got} == said
    assert ann.got == bob.got


@pytest.mark.slow
@pytest.mark.needs("postgresql")
async def test_a_room_on_postgres(project, daphne, on_postgres):
    """The same room; and what PostgreSQL refuses to store or to look for is answered too."""
    make_room(project, "elephant", **on_postgres)
    server = daphne(project, env=on_postgres)
    async with Client("Ann", "elephant").enter(server) as ann:
        async with Client("Bob", "elephant").enter(server) as bob:
            await bob.get("online", usernames=["Ann", "Bob"])
            await bob.say("hello")
            assert (await ann.get("chat_message"))["number"] == 1
            for text in ("a\0b", "\ud800"):
                await bob.connection.send(json.dumps({"type": "chat_message", "message": text}))
                assert (await bob.get("error"))["code"] == "invalid_message"
            await bob.say("still here")
            assert (await ann.get("chat_message"))["number"] == 2
        await ann.get("user_left", username="Bob")
    for path in ("%00", "nowhere", "%ED%A0%80"):
        async with Client("Ann", path).enter(server) as lost:
            assert (await lost.hear())["code"] == 4404
            await asyncio.wait_for(lost.connection.wait_closed(), SECONDS)
            assert lost.connection.close_code == 4404


@pytest.mark.slow
@pytest.mark.needs("postgresql")
async def test_who_waits_for_the_lock_is_acknowledged_after_the_commit(
    project, daphne, on_postgres
):
    """The reader on a socket sees 1 before 2, though 2 was said while 1 was not committed."""
    make_room(project, "locked", **on_postgres)
    server = daphne(project, env=on_postgres)
    slow = await asyncio.create_subprocess_exec(
        *[sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", SLOW],
        cwd=project,
        env={**OURS, "PYTHONUNBUFFERED": "1", **on_postgres},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS), Client("Ann", "locked").enter(server) as ann:
        await ann.get("online")
        assert await slow.stdout.readline() == b"stored\n"
        await ann.say("second")
        assert await slow.stdout.readline() == b"somebody waits\n"
        assert not ann.got
        slow.stdin.write(b"commit\n")
        await ann.until_told(2)
        assert ann.got == [(1, "first"), (2, "second")]
        assert await slow.wait() == 0


SLOW = """
import sys
import time

from django.db import connection, transaction
from rooms import services
from rooms.models import Room

with transaction.atomic():
    services.store(Room.objects.get(name="locked").pk, "Slow", "first", None)
    print("stored")
    with connection.cursor() as cursor:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        deadline = time.monotonic() + 20
        while cursor.execute(waiting).fetchone()[0] == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    print("somebody waits")
    sys.stdin.readline()
"""
