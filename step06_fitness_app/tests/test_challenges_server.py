"""A challenge on real servers: several at once, and one that is away when it ends."""

import os
import re
import shutil
import socket
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from time import monotonic

import pytest
import websockets
from channels.db import database_sync_to_async as in_thread
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from challenges.models import Challenge
from notifications.models import Notification
from tests.challenging import board, did, make, names, path
from tests.conftest import Server
from tests.people import Talking, browser_of, cookie_of
from tests.sockets import Real

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
DAPHNE = ["-m", "daphne", "-b", "127.0.0.1", "-p", "0", "config.asgi:application"]


class Somebody(Talking, Real):
    first: dict


@pytest.fixture
def serve(people):
    """Start servers that share this test's database: `serve(REDIS_URL=…)`."""
    name = connection.settings_dict["NAME"]
    if "sqlite" in connection.settings_dict["ENGINE"]:
        url = f"sqlite:///{name}?transaction_mode=IMMEDIATE&timeout=10"
    else:
        url = re.sub("[^/]+$", name, os.environ["DATABASE_URL"])
    fast = dict.fromkeys(("MESSAGES_PER_SECOND", "MESSAGE_BURST"), "10000")
    fast["USER_MESSAGES_PER_MINUTE"] = "100000"
    servers = []

    def start(**environment) -> Server:
        servers.append(Server(*DAPHNE, environment={"DATABASE_URL": url, **fast, **environment}))
        servers[-1].port = int(servers[-1].wait_for(r"Listening on TCP address [\d.]+:(\d+)")[1])
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()


@asynccontextmanager
async def enter(server: Server, username: str, race: int):
    cookie = {"Cookie": cookie_of(await in_thread(browser_of)(username))}
    url = server.url(path(race), "ws")
    async with websockets.connect(
        url, origin=server.url(""), additional_headers=cookie
    ) as connected:
        person = Somebody(connected)
        person.first = await person.get("challenge_state")
        yield person


@pytest.fixture
def redis(tmp_path):
    """A Redis: the one that is set, or one of our own."""
    if settings.REDIS_URL:
        yield settings.REDIS_URL
        return
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server: apt install redis-server")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    quiet = ["--save", "", "--appendonly", "no", "--dir", str(tmp_path)]
    code = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
    server = Server("-c", code, "redis-server", "--port", str(port), *quiet)
    server.wait_for("Ready to accept connections")
    yield f"redis://127.0.0.1:{port}/0"
    import redis as client

    client.Redis(port=port).shutdown(nosave=True)
    server.stop()


async def test_in_two_processes_it_is_one_board_five_times_a_second(serve, redis):
    race = await in_thread(make)("ada", "ada", "ben")
    one, two = (serve(REDIS_URL=redis, PROCESSES="2") for _ in range(2))
    async with (
        enter(one, "ada", race) as ada,
        enter(two, "ben", race) as ben,
        enter(one, "cleo", race) as here,
        enter(two, "tom", race) as there,
    ):
        begun = monotonic()
        for value in range(1, 101):
            await ada.say("progress_update", value=value, client_id=f"a{value}")
            await ben.say("progress_update", value=value, client_id=f"b{value}")
        last = max([await did(ada, 101), await did(ben, 102)])
        for watcher in (here, there):
            seen = [await board(watcher)]
            while seen[-1]["version"] < last:
                seen.append(await board(watcher))
            versions = [frame["version"] for frame in seen]
            assert versions == sorted(set(versions))
            assert len(seen) <= 5 * (monotonic() - begun) + 1
            assert names(seen[-1]) == ["ben", "ada"]
        assert last == 3 + 202


async def test_two_processes_that_notice_the_end_carry_it_out_once(serve, redis):
    race = await in_thread(make)("ada", "ada", "ben")
    one, two = (serve(REDIS_URL=redis, PROCESSES="2") for _ in range(2))
    async with enter(two, "ben", race) as ben:
        await did(ben, 10)
    soon = timezone.now() + timedelta(seconds=3)
    await Challenge.objects.filter(pk=race).aupdate(ends_at=soon)
    async with enter(one, "ada", race) as ada, enter(two, "ben", race) as ben:
        assert not ada.first["challenge"]["is_over"] and not ben.first["challenge"]["is_over"]
        for person in (ada, ben):
            assert (await person.get("challenge_ended"))["winner"] == "ben"
    assert await Notification.objects.filter(kind="challenge_ended").acount() == 2


async def test_an_end_while_the_server_is_away_is_told_after_its_restart(serve):
    race = await in_thread(make)("ada", "ada", "ben")
    server = serve()
    async with enter(server, "ben", race) as ben:
        await did(ben, 3000)
        server.process.kill()
        server.stop()
    await Challenge.objects.filter(pk=race).aupdate(ends_at=timezone.now())
    again = serve()
    async with enter(again, "ada", race) as ada:
        assert ada.first["challenge"]["is_over"]
        assert (ada.first["winner"], names(ada.first)) == ("ben", ["ben", "ada"])
    ben = await User.objects.aget(username="ben")
    told = await Notification.objects.aget(kind="challenge_ended", user=ben)
    assert told.data["place"] == 1
    assert (await Challenge.objects.aget(pk=race)).winner_id == ben.pk
