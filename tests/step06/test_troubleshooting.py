"""The entries of docs/troubleshooting.md on a whole app: `test_frames_wait` is `frames-wait`.

As in tests/test_troubleshooting.py, the wrong code and the message come from the page itself.
"""

import re
import time

import msgspec
import pytest
from conftest import SETTINGS, make_project
from websockets.sync.client import connect

from .conftest import STEP, manage

WITHOUT_THE_TURN = """
    async def dispatch(self, message):
        await getattr(self, message["type"].replace(".", "_"))(message)
"""


@pytest.mark.slow
def test_frames_wait(tmp_path, daphne, entry):
    def seconds_of_an_echo(name: str, consumers: str) -> float:
        server = daphne(make_project(tmp_path / name, consumers=consumers))
        with connect(server.ws("/ws/")) as asking, connect(server.ws("/ws/")) as other:
            for client in (asking, other):
                client.send("ready")
                assert client.recv(timeout=30) == "ready"
            asking.send("query")
            begun, answered = time.monotonic(), 0.0
            while answered < 0.5 and time.monotonic() - begun < 1.5:  # until it has begun, at most
                sent = time.monotonic()
                other.send("echo")
                assert other.recv(timeout=30) == "echo"
                answered = max(answered, time.monotonic() - sent)
            assert asking.recv(timeout=30) == "query"
        return answered

    assert seconds_of_an_echo("plain", entry.wrong[0]) > 1
    assert seconds_of_an_echo("own", entry.wrong[0] + WITHOUT_THE_TURN) < 0.5


LOCKED = """
import json
from threading import Thread
from config.rename import rename
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

call_command("migrate", verbosity=0)
for name in ("ada", "ben"):
    User.objects.create(username=name)

def write():
    rename("ben", "cleo")
    connection.close()

def meanwhile():
    other.start()
    other.join(2)  # with IMMEDIATE it waits for us, and goes on when we have done

other = Thread(target=write)
rename("ada", "dora", meanwhile)
other.join()
print(sorted(User.objects.values_list("username", flat=True)))
"""


def test_database_locked(tmp_path, entry):
    def run(name: str, options: str):
        settings = f"{SETTINGS}\nDATABASES['default']['OPTIONS'] = {options}\n"
        files = {"settings": settings, "rename": entry.wrong[0]}
        folder = make_project(tmp_path / name, **files)
        begun = time.monotonic()
        done = manage(folder, "shell", "--verbosity", "0", "--command", LOCKED)
        return done, time.monotonic() - begun

    wal = "'init_command': 'PRAGMA journal_mode=WAL', 'timeout': 60"
    done, seconds = run("deferred", f"{{{wal}}}")
    assert re.search(entry.message, done.stderr), done.stderr
    assert seconds < 30  # not after the 60 seconds of the timeout
    done, _ = run("immediate", f"{{{wal}, 'transaction_mode': 'IMMEDIATE'}}")
    assert (done.returncode, done.stdout.strip()) == (0, "['cleo', 'dora']"), done.stderr


def test_one_struct(entry):
    names = {}
    exec(entry.wrong[0], names)
    without_type = b'{"message": "hi"}'
    assert names["decode"](without_type).message == "hi"
    with pytest.raises(msgspec.ValidationError, match="Invalid value 'typing'"):
        names["decode"](b'{"type": "typing", "message": "hi"}')

    class Nothing(msgspec.Struct, tag_field="type", tag="nothing"):
        pass

    of_two = msgspec.json.Decoder(names["SendMessage"] | Nothing)
    with pytest.raises(msgspec.ValidationError, match="missing required field `type`"):
        of_two.decode(without_type)


def test_refuses_to_start(tmp_path, project, entry):
    production = {"DEBUG": "False", "SECRET_KEY": "k" * 50, "PROCESSES": "2", "DEMO": "1"}
    done = manage(project, "check", **production)
    assert done.returncode != 0
    assert re.search(entry.message, done.stderr), done.stderr
    assert STEP.name == project.name
