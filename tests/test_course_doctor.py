"""`doctor`: what it finds on a machine that is ready, and on one that is not."""

import socket
import threading

import pytest

from course import doctor
from course.steps import Step
from tests.course_house import ROOT, course, free_ports


def lines(checks) -> str:
    """What they would print."""
    marks = {True: "ok", False: "FAIL", None: "-"}
    return "\n".join(f"{marks[holds]} {line}" for holds, line in checks)


def examined(first: int):
    """As it would be on ports from `first` on, and without this machine's proxy."""
    own = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    return course(ROOT, "doctor", "--step-port", str(first), "--port", str(first), **own)


def test_a_machine_that_is_ready():
    first = free_ports()
    found = examined(first)
    assert found.returncode == 0, found.stdout + found.stderr
    *checks, last = found.stdout.splitlines()
    assert last.startswith("Ready: ")
    assert all(line.startswith(("ok    ", "-     ")) for line in checks), found.stdout
    assert "a socket opens here, and what is sent comes back" in found.stdout


def test_one_that_is_not_is_told_all_of_it_and_the_exit_code_says_so():
    first = free_ports()
    with socket.create_server(("127.0.0.1", first + 3)):
        found = examined(first)
    assert found.returncode == 1
    assert f"FAIL  taken: port {first + 3}; stop what is there" in found.stdout
    assert "a socket opens here" in found.stdout
    assert found.stderr == "Mend what says FAIL, and ask again.\n"


def test_ports_of_a_serve_that_is_running(monkeypatch):
    monkeypatch.setattr(doctor, "is_ours", lambda port: True)
    assert lines(doctor.ports(8080, 8000)) == "ok `serve` is running: http://127.0.0.1:8080/"


def test_a_port_of_somebody_who_speaks_no_http():
    with socket.create_server(("127.0.0.1", 0)) as other:

        def say() -> None:
            with other.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-other\r\n")

        threading.Thread(target=say, daemon=True).start()
        assert doctor.is_ours(other.getsockname()[1]) is False


def test_packages_that_are_not_those_of_the_lock(monkeypatch, tmp_path):
    lock = tmp_path / "requirements.txt"
    wanted = ["django==1.0", "no-such==1", 'only-there==1 ; os_name == "none"']
    lock.write_text("".join(f"{line} \\\n" for line in wanted), encoding="utf-8")
    monkeypatch.setattr(doctor, "LOCK", lock)
    found = lines(doctor.packages())
    assert found.startswith("FAIL not as requirements.txt lists them: django, no-such; delete")


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, "ok no proxy is set"),
        ({"https_proxy": "http://proxy:1"}, "FAIL a proxy is set for 127.0.0.1 too"),
        ({"https_proxy": "http://proxy:1", "no_proxy": "127.0.0.1"}, "ok a proxy is set, but not"),
    ],
)
def test_a_proxy_that_would_be_asked_for_this_machine(monkeypatch, environment, found):
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert lines(doctor.proxy()).startswith(found)


def test_a_disk_that_is_full(monkeypatch):
    monkeypatch.setattr(doctor, "ROOM", 2**40)
    assert lines(doctor.room()).startswith("FAIL ")


SAYS_NOTHING = """
async def application(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    await receive()
"""


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (SAYS_NOTHING, "FAIL no socket: nothing came back within 5 s"),
        ("raise RuntimeError('no good')", "FAIL no socket: RuntimeError: no good"),
        (
            "async def application(scope, receive, send):\n"
            "    await receive()\n"
            "    await send({'type': 'websocket.close'})\n",
            "FAIL no socket: server rejected WebSocket connection: HTTP 403",
        ),
    ],
)
def test_a_socket_that_does_not_open(monkeypatch, tmp_path, code, found):
    (tmp_path / "step/config").mkdir(parents=True)
    (tmp_path / "step/config/asgi.py").write_text(code, encoding="utf-8")
    if code == SAYS_NOTHING:
        monkeypatch.setattr(doctor, "SECONDS", 5)
    monkeypatch.setattr(doctor, "step", lambda number: Step(number, tmp_path / "step"))
    assert lines(doctor.echo()).startswith(found)


def test_what_is_not_needed_does_not_fail(monkeypatch):
    monkeypatch.setattr(doctor.NEEDS["redis"].__class__, "missing", lambda self: True)
    assert lines(doctor.redis()).startswith("- no redis-server: only part D of step 04")
