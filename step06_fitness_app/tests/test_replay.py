"""A recording goes through a real socket of a real server, and nothing of it gets lost."""

import json
import signal
import time
from io import StringIO

import pytest
from channels.db import database_sync_to_async as in_thread
from django.core.management import CommandError, call_command

from accounts.client import Refused, Socket
from accounts.models import Login
from tests.conftest import Server, serve
from tests.fit_files import RECORD, at, fit_file, message
from tests.people import Talking, tokens_of
from tests.sockets import Real, real
from workouts import fit, services
from workouts.models import Workout
from workouts.replay import refuse_errors

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
NOWHERE = "http://127.0.0.1:9"  # the port of `discard`, where nobody listens


def cycling(folder, seconds: int) -> str:
    """The path of a FIT file of so many seconds."""
    noon = at(2026, 1, 2, 12, 0, 0)
    rows = [(noon + second, 90 + second % 90, 80, 200 + second) for second in range(seconds)]
    file = folder / f"{seconds}.fit"
    file.write_bytes(fit_file(message(RECORD, *rows)))
    return str(file)


def stored(username: str = "ada") -> list[tuple]:
    """The samples of the newest workout of somebody."""
    workout = Workout.objects.filter(owner__username=username).first()
    return [tuple(row) for row in services.rows_of(workout)] if workout else []


def eventually(check, seconds: float = 15):
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.05)  # between two looks, not for a result
    return answer


def all_ended() -> bool:
    return not Login.objects.filter(ended_at=None).exists()


@pytest.fixture
def replay(people, beside):
    """`replay(file, server, …)`: the command, in a process of its own, as ada."""

    def start(file: str, server: Server, *options: str) -> Server:
        return beside("manage.py", "replay", file, "--as=ada", f"--url={server.url('')}", *options)

    return start


def test_all_of_it_arrives_and_not_faster_than_the_server_takes_it(replay, beside, tmp_path):
    file = cycling(tmp_path, 90)
    playing = replay(file, serve(beside), "--speed=1000", "--privacy=trainer")
    playing.wait_for("30 samples a second at most: it takes 3 s")
    began = time.monotonic()
    line = playing.wait_for(
        r"workout \d+: other, .+ UTC, 0:01:29, 90 samples, 134 bpm, 80 rpm, 244 W"
    )
    assert line and time.monotonic() - began > 2.5
    assert playing.process.wait(30) == 0
    workout = Workout.objects.get()
    assert (workout.state, workout.source, workout.privacy) == ("finished", "live", "trainer")
    assert stored() == fit.read(file).samples
    assert all_ended()


class Watcher(Talking, Real):
    pass


async def test_a_friend_watches(replay, beside, tmp_path, people):
    server = await in_thread(serve)(beside)
    access = (await in_thread(tokens_of)("ben"))["access"]
    address = server.url(f"/ws/workout/{people['ada'].pk}/", "ws")
    async with real(address, "pulse.v1", f"bearer.{access}") as connected:
        ben = Watcher(connected.connection)
        assert (await ben.hear())["workout"] is None
        file = cycling(tmp_path, 20)
        await in_thread(replay)(file, server, "--speed=20")
        await ben.get("workout_state")
        heard = [frame for frame in await ben.until("workout_finished") if "time" in frame]
        assert [frame["time"] for frame in heard] == [*range(20)]
        assert heard[5] == {
            "type": "workout_update",
            "username": "ada",
            "time": 5,
            "heart_rate": 95,
            "cadence": 80,
            "power": 205,
        }


def test_a_killed_server_loses_nothing_that_was_sent(replay, beside, tmp_path):
    file = cycling(tmp_path, 150)
    first = serve(beside)
    playing = replay(file, first, "--speed=30")
    eventually(stored)
    first.process.kill()
    playing.wait_for("connection lost, saved up to")
    before = len(stored())
    assert 0 < before < 150
    serve(beside, first.port)
    assert playing.process.wait(30) == 0, playing.output
    assert stored() == fit.read(file).samples
    assert Workout.objects.get().state == "finished"


def test_a_replay_outlives_its_token(replay, beside, tmp_path, monkeypatch):
    monkeypatch.setenv("ACCESS_TOKEN_SECONDS", "8")  # renewed after 4: a stall is no expiry
    file = cycling(tmp_path, 300)
    playing = replay(file, serve(beside), "--speed=1000")
    playing.wait_for("it takes 10 s")
    assert playing.process.wait(60) == 0, playing.output
    assert "lost" not in playing.output
    assert stored() == fit.read(file).samples


def test_ctrl_c_finishes_the_workout(replay, beside, tmp_path):
    file = cycling(tmp_path, 150)
    playing = replay(file, serve(beside), "--speed=30")
    eventually(stored)
    playing.process.send_signal(signal.SIGINT)
    playing.wait_for(r"workout \d+: other")
    assert playing.process.wait(30) == 0
    assert Workout.objects.get().state == "finished"
    there = stored()
    assert 0 < len(there) < 150
    assert there == fit.read(file).samples[: len(there)]


def test_ctrl_c_without_the_server_says_that_it_goes_on(replay, beside, tmp_path):
    server = serve(beside)
    playing = replay(cycling(tmp_path, 150), server, "--speed=30")
    eventually(stored)
    server.process.kill()
    playing.wait_for("connection lost")
    playing.process.send_signal(signal.SIGINT)
    playing.wait_for("the workout is left as it is, running")
    assert playing.process.wait(30) == 0
    assert Workout.objects.get().state == "running"


def test_a_workout_that_goes_on_is_not_touched(replay, beside, tmp_path, people):
    services.start(people["ada"], "running")
    playing = replay(cycling(tmp_path, 5), serve(beside))
    assert playing.process.wait(30) == 1
    playing.wait_for("CommandError: ada: finish the workout that goes on first\n")
    assert "Traceback" not in playing.output
    assert stored() == []
    assert all_ended()


class Says:
    """A connection on which the server says this."""

    def __init__(self, **frame):
        self.frame, self.told = json.dumps(frame), []

    async def recv(self) -> str:
        return self.frame

    async def send(self, text: str) -> None:
        self.told.append(json.loads(text))


@pytest.mark.parametrize(
    ("code", "problem"),
    [(4012, ConnectionError), (4013, ConnectionError), (4401, Refused), (4403, Refused)],
)
async def test_a_close_is_for_good_or_for_now(code, problem):
    with pytest.raises(problem, match="^because$"):
        await Socket(Says(type="closing", code=code, reason="because")).hear()


async def test_a_client_of_a_fast_stream_says_what_it_has_seen():
    for says_seen, told in ((True, [{"type": "seen", "frames": 100}] * 2), (False, [])):
        server = Says(type="workout_update")
        socket = Socket(server, says_seen)
        for _ in range(250):
            await socket.hear()
        assert server.told == told


@pytest.mark.parametrize(
    ("code", "problem"), [("not_saved", ConnectionError), ("conflict", Refused)]
)
def test_what_was_not_saved_is_sent_again(code, problem):
    with pytest.raises(problem, match="^because$"):
        refuse_errors({"type": "error", "code": code, "detail": "because"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"url": NOWHERE}, f"No answer from {NOWHERE}: "),
        ({"url": "nonsense"}, "No answer from nonsense: "),
        ({"username": "nobody"}, "There is no user 'nobody'."),
        ({"file": "none.fit"}, "none.fit: No such file or directory"),
        ({"file": __file__}, f"{__file__}: this is not a FIT file"),
        ({"speed": 0}, "--speed is more than 0 and at most 1000."),
        ({"speed": float("nan")}, "--speed is more than 0 and at most 1000."),
    ],
)
def test_what_cannot_begin(people, tmp_path, change, reason):
    given = {"file": cycling(tmp_path, 5), "username": "ada", "speed": 1.0, "url": NOWHERE}
    given |= change
    with pytest.raises(CommandError) as refused:
        call_command("replay", given.pop("file"), **given, stdout=StringIO())
    assert str(refused.value).startswith(reason)
    assert not Workout.objects.exists()
    assert all_ended()


def test_nothing_measured(people, tmp_path):
    file = tmp_path / "plain.fit"
    file.write_bytes(fit_file(message(RECORD, (at(2026, 1, 2), 0xFF, 0xFF, 0xFFFF))))
    with pytest.raises(CommandError, match="nothing was measured in it"):
        call_command("replay", str(file), username="ada")
