"""`serve`: one log, restart of what dies, reload on save, and nothing left behind."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from watchfiles import Change
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from course import supervisor
from course.program import Program
from course.serve import Serving, lan_address
from course.steps import CourseError
from tests.conftest import NOT_COPIED, OURS, ROOT, Process
from tests.course_house import course, course_argv, free_ports, is_free, make_house

# Starts a grandchild that listens, ignores SIGTERM and would run for ever.
WITH_GRANDCHILD = """
import subprocess, sys
code = '''
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with socket.create_server(("127.0.0.1", 0)) as server:
    print("grandchild", server.getsockname()[1], flush=True)
    while True:
        server.accept()
'''
subprocess.run([sys.executable, "-c", code])
"""
GOES_ON = "import os, sys; print('pid', os.getpid(), flush=True); sys.stdin.read()"


class Log:
    """What a supervised program printed, to be waited for."""

    def __init__(self):
        self.lines: list[str] = []
        self.news = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.lines.append(line)
        self.news.set()

    async def wait_for(self, pattern: str, after: int = 0) -> re.Match[str]:
        async with asyncio.timeout(15):
            while True:
                if found := re.search(pattern, "\n".join(self.lines[after:])):
                    return found
                self.news.clear()
                await self.news.wait()


def eventually(check, seconds: float = 20):
    """The first truthy answer of `check`; refusals count as "not yet"."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if answer := check():
                return answer
        except (OSError, WebSocketException):
            pass
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.05)  # between two looks, not for a result


@pytest.fixture
async def keep(monkeypatch):
    """`keep(code)`: a Python program under the supervisor, and its log."""
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
    tasks = []

    def start(code: str, watch: Path | None = None) -> tuple[asyncio.Task, Log]:
        log = Log()
        program = Program("it", [sys.executable, "-c", code], Path.cwd(), watch=watch)
        tasks.append(asyncio.create_task(supervisor.keep_running(program, log)))
        return tasks[-1], log

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_dies_is_started_again(keep):
    _, log = keep(GOES_ON)
    first = await log.wait_for(r"pid (\d+)")
    os.kill(int(first[1]), signal.SIGTERM)
    await log.wait_for(r"ended \(exit code -?\d+\): starting again")
    second = await log.wait_for(r"pid (\d+)", after=1)
    assert first[1] != second[1]


async def test_what_cannot_start_does_not_spin(keep, monkeypatch):
    pauses = []
    real = asyncio.sleep

    async def noted(seconds):
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr(supervisor.asyncio, "sleep", noted)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.03)
    _, log = keep("this is no Python")
    async with asyncio.timeout(15):
        while len(pauses) < 4:
            log.news.clear()
            await log.news.wait()
    assert pauses[:4] == [0.01, 0.02, 0.03, 0.03]


async def save_until_seen(folder: Path, log: Log) -> None:
    """The watch begins at some moment after the start."""
    before = len(log.lines)
    for number in range(200):
        if any("a file was saved" in line for line in log.lines[before:]):
            return
        (folder / "consumers.py").write_text(f"NUMBER = {number}\n", encoding="utf-8")
        log.news.clear()
        await asyncio.wait([asyncio.ensure_future(log.news.wait())], timeout=0.1)
    raise AssertionError("no save was seen")


async def test_a_saved_file_starts_it_again(keep, tmp_path):
    _, log = keep(GOES_ON, watch=tmp_path)
    first = await log.wait_for(r"pid (\d+)")
    await save_until_seen(tmp_path, log)
    second = await log.wait_for(r"pid (?!" + first[1] + r")(\d+)")
    assert second


@pytest.mark.parametrize(
    ("name", "restarts"),
    [
        ("config/settings.py", True),
        ("templates/rooms/room.html", True),
        ("templates/mail.txt", True),
        (".env", True),
        ("static/js/socket.js", False),
        ("db.sqlite3", False),
        ("db.sqlite3-journal", False),
        (".practice.toml", False),
        ("__pycache__/settings.py", False),
        (".venv/lib/site-packages/x/templates/x.html", False),
        ("templates/.room.html.swp", False),
    ],
)
def test_what_a_server_reads_once_starts_it_again(name, restarts):
    path = os.path.join(os.sep, "course", "work", *name.split("/"))
    assert supervisor.LOADED_ONCE(Change.modified, path) is restarts


def test_a_new_folder_starts_it_again(tmp_path):
    """What is written into it at once comes before it is watched."""
    for name, restarts in (("templates", True), ("__pycache__", False)):
        (tmp_path / name).mkdir()
        assert supervisor.LOADED_ONCE(Change.added, str(tmp_path / name)) is restarts
        assert supervisor.LOADED_ONCE(Change.modified, str(tmp_path / name)) is False


def make_work(work: Path) -> None:
    """A folder that appears whole, as `copy` and `start` make it."""
    unfinished = work.with_name("unfinished")
    unfinished.mkdir()
    for name in ("manage.py", "consumers.py", "routing.py"):
        (unfinished / name).write_text("", encoding="utf-8")
    unfinished.rename(work)


@pytest.fixture
async def work(tmp_path, monkeypatch):
    """`work/`, served as `serve` does with a program that only says its number; and the log."""
    work = tmp_path / "work"
    make_work(work)
    serving, log = Serving(docs_port=18080, step_port=18000, only=[3]), Log()
    program = Program("work", [sys.executable, "-c", GOES_ON], work, watch=work)
    monkeypatch.setattr("course.serve.WORK", work)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(serving, "log", log)
    monkeypatch.setattr(serving, "step_program", lambda name, folder: program)
    following = asyncio.create_task(serving.follow_work())
    yield work, log
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@pytest.mark.skipif(os.name == "nt", reason="not run: Windows deletes no folder a program is in")
@pytest.mark.parametrize("gone_for", [0, 0.1, 0.3, 0.6])
async def test_work_is_served_again_whenever_it_was_deleted(work, gone_for):
    """`follow_work` looks twice a second; the watch tells at once that its files are gone."""
    folder, log = work
    seen = 0
    for offset in (0, 0.15, 0.3, 0.45):
        await log.wait_for(r"pid \d+", after=seen)
        await asyncio.sleep(offset)  # to another moment between two looks, not for a result
        seen = len(log.lines)
        shutil.rmtree(folder)
        await asyncio.sleep(gone_for)
        make_work(folder)
    await log.wait_for(r"pid \d+", after=seen)
    await save_until_seen(folder, log)


@pytest.mark.skipif(os.name == "nt", reason="not run: Windows moves no folder a program is in")
async def test_another_project_in_the_place_of_work_is_served(work):
    folder, log = work
    await log.wait_for(r"pid \d+")
    seen = len(log.lines)
    folder.rename(folder.with_name("kept"))
    make_work(folder)
    await log.wait_for(r"pid \d+", after=seen)


async def test_what_cannot_be_started_at_all_is_said_and_tried_again(monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
    log = Log()
    program = Program("it", [sys.executable, "-c", GOES_ON], tmp_path / "gone", watch=tmp_path)
    running = asyncio.create_task(supervisor.keep_running(program, log))
    try:
        await log.wait_for(r"ended \(not started: No such file or directory: .*gone\): starting")
        (tmp_path / "gone").mkdir()
        await log.wait_for(r"pid \d+")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_stopping_leaves_no_grandchild(keep, monkeypatch):
    monkeypatch.setattr("course.program.GRACE", 0.5)
    task, log = keep(WITH_GRANDCHILD)
    port = int((await log.wait_for(r"grandchild (\d+)"))[1])
    assert not is_free(port)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.to_thread(eventually, lambda: is_free(port), 5)


def with_a_template(step: Path) -> Path:
    """A project with a page at /template/, as Django's `startproject` sets templates up."""
    more = {
        "settings": """TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [BASE_DIR / "templates"],
}]
""",
        "urls": """from django.views.generic import TemplateView

urlpatterns.append(path("template/", TemplateView.as_view(template_name="it.html")))
""",
    }
    for name, text in more.items():
        with (step / f"config/{name}.py").open("a", encoding="utf-8") as file:
            file.write(text)
    return step


@pytest.fixture
def serving(tmp_path, project):
    """A house of two small steps, served: (house, base of its ports, process)."""
    step = with_a_template(project())
    house = make_house(tmp_path / "house", step, step)
    base = free_ports()
    arguments = course_argv("serve", "--port", str(base), "--step-port", str(base))
    process = Process(arguments, house, {"PYTHONPATH": ""})
    yield house, base, process
    process.stop()


def echo(port: int) -> str:
    with connect(f"ws://127.0.0.1:{port}/ws/", open_timeout=5) as socket_:
        socket_.send("hi")
        return socket_.recv(timeout=5)


def page(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


def test_serve_from_start_to_stop(serving):
    """One long walk, because each start takes seconds."""
    house, base, process = serving

    # Links to all that runs, each of them live: migrated, with its static files.
    process.wait_for("your own folder, to change things in")
    process.wait_for(rf"docs +http://127.0.0.1:{base}/")
    process.wait_for(rf"step 2 +http://127.0.0.1:{base + 2}/")
    assert "database migrated" in process.output
    assert echo(base + 1) == echo(base + 2) == "hi"
    assert page(base + 1, "/") == "a page"
    assert page(base + 2, "/static/it.css") == "p {}"
    front = eventually(lambda: page(base, "/"))
    assert "The docs" in front
    assert f'WIRE_TRACE_PORTS = {{"1": {base + 1}, ' in front
    assert f'"work": {base + 9}}}' in front
    with pytest.raises(urllib.error.HTTPError, match="404"):
        page(base, "/nothing/")

    # The learner's own folder, when it appears; saving a change in it is enough.
    copied = course(house, "copy", "1", "work")
    assert copied.returncode == 0, copied.stderr
    assert eventually(lambda: echo(base + 9)) == "hi"
    consumers = house / "work/config/consumers.py"
    shouting = consumers.read_text().replace("=text_data,", "=text_data.upper(),")
    consumers.write_text(shouting, encoding="utf-8")
    eventually(lambda: echo(base + 9) == "HI")
    assert echo(base + 1) == "hi"

    # So it is with a template, and with one that was missing when its page was asked for.
    template = house / "work/templates/it.html"
    with pytest.raises(urllib.error.HTTPError, match="500"):
        page(base + 9, "/template/")
    template.parent.mkdir()
    for text in ("a template", "another"):
        template.write_text(text, encoding="utf-8")
        eventually(lambda text=text: page(base + 9, "/template/") == text)

    # A syntax error stops that folder only, until it is mended.
    consumers.write_text("no Python", encoding="utf-8")
    process.wait_for(r"work \| .*SyntaxError")
    assert echo(base + 1) == "hi"
    consumers.write_text(shouting, encoding="utf-8")
    eventually(lambda: echo(base + 9) == "HI")

    # A page of the docs that is saved is built again.
    (house / "docs/index.md").write_text("# Other words\n", encoding="utf-8")
    eventually(lambda: "Other words" in page(base, "/"))

    # SIGTERM: everything is gone.
    assert process.stop() == 0
    assert "Stopped." in process.output
    assert all(is_free(base + above) for above in (0, 1, 2, 9))


@pytest.mark.skipif(sys.platform == "darwin", reason="not run: macOS has no 127.0.0.2")
def test_a_room_reaches_the_steps_and_nothing_else(tmp_path, project):
    """At 127.0.0.2, an address of this machine that is not the one of before."""
    room = "127.0.0.2"
    step = shutil.copytree(ROOT / "step05_auth", tmp_path / "step", ignore=NOT_COPIED)
    house = make_house(tmp_path / "house", step)
    shutil.copytree(project(), house / "work")
    base = free_ports()
    arguments = ["serve", "--port", str(base), "--step-port", str(base), "--lan", "--address", room]
    process = Process(course_argv(*arguments), house, {"PYTHONPATH": ""})
    try:
        process.wait_for("For the room, on the network", 60)
        process.wait_for(rf"step 1 +http://{room}:{base + 1}/")
        for host in ("127.0.0.1", room):
            origin = f"http://{host}:{base + 1}"
            with urllib.request.urlopen(f"{origin}/login/", timeout=20) as login:
                assert login.status == 200
            with connect(f"ws://{host}:{base + 1}/ws/whoami/", origin=origin, proxy=None) as mine:
                assert '"code":4401' in mine.recv(timeout=20)
            with pytest.raises(WebSocketException):  # of no page here: that of the docs, say
                connect(f"ws://{host}:{base + 1}/ws/whoami/", origin=f"http://{host}:{base}")
            tap = (
                f"ws://{host}:{base + 1}/tap-{'x' * 20}/"  # the step has no such path, and says so
            )
            with connect(tap, origin=origin, proxy=None) as nothing:
                assert "watching" not in nothing.recv(timeout=20)
        eventually(lambda: page(base + 9, "/"))
        for port in (base, base + 9):  # the docs, and the own folder
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((room, port), timeout=5)
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--address", "127.0.0.2"], "--address is for --lan: say both, or neither."),
        (["--lan", "--address", "198.51.100.9"], "198.51.100.9 is no address of this machine"),
        (["--lan", "--address", "my laptop"], "my laptop is no address of this machine"),
    ],
)
def test_addresses_that_nobody_in_the_room_could_reach(arguments, words):
    refused = course(ROOT, "serve", *arguments)
    assert refused.returncode == 1
    assert refused.stderr.startswith(words) and "Traceback" not in refused.stderr


def test_without_a_network_there_is_no_room(monkeypatch):
    def unreachable(self, address):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("course.serve.socket.socket.connect", unreachable)
    with pytest.raises(CourseError, match="There is no network"):
        lan_address(None)


DEMO = """
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    def handle(self, **options):
        User.objects.get_or_create(username="ada")
        self.stdout.write(f"people: {User.objects.count()}")
"""
LIVE_DEMO = (
    DEMO
    + """        if not options["data_only"]:
            self.stdout.write(f"members at {options['url']} of {os.getpid()}")
            self.stdout.flush()
            while True:
                time.sleep(60)

    def add_arguments(self, parser):
        parser.add_argument("--url")
        parser.add_argument("--data-only", action="store_true")
"""
).replace("\nfrom", "\nimport os, time\nfrom", 1)


def with_demo(step: Path, code: str, debug: bool = True) -> Path:
    """A project with a command `demo`."""
    commands = step / "config/management/commands"
    commands.mkdir(parents=True)
    (commands / "__init__.py").write_text("", encoding="utf-8")
    (commands / "demo.py").write_text(code, encoding="utf-8")
    settings = step / "config/settings.py"
    text = settings.read_text(encoding="utf-8")
    text = text.replace('"daphne",', '"daphne", "config",')
    settings.write_text(text.replace("DEBUG = True", f"DEBUG = {debug}"), encoding="utf-8")
    return step


@pytest.mark.parametrize("demo", [DEMO, LIVE_DEMO], ids=["plain", "live"])
@pytest.mark.parametrize("debug", [True, False])
def test_a_step_with_a_demo_is_filled_at_each_start_but_not_in_production(project, debug, demo):
    step = with_demo(project(), demo, debug)
    start = "import django; django.setup(); from course.step_server import *; migrate(); fill()"
    for _ in range(2):
        filled = subprocess.run(
            [sys.executable, "-c", start],
            cwd=step,
            env={**OURS, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert ("people: 1" in filled.stdout) is debug


@pytest.mark.skipif(os.name == "nt", reason="not run: kills by signal, which Windows has not")
def test_the_live_members_of_a_demo_run_beside_its_server_and_end_with_it(tmp_path, project):
    step = with_demo(project(), LIVE_DEMO)
    (step / "demo").mkdir()
    (step / "demo/members.py").write_text("", encoding="utf-8")
    house = make_house(tmp_path / "house", step)
    base = free_ports()
    arguments = course_argv("serve", "--port", str(base), "--step-port", str(base))
    process = Process(arguments, house, {"PYTHONPATH": ""})
    try:
        members = rf"step 1 \| members at http://127.0.0.1:{base + 1} of (\d+)"
        first = int(process.wait_for(members)[1])
        assert echo(base + 1) == "hi"
        os.kill(first, signal.SIGTERM)
        process.wait_for(members.replace(r"\d+", rf"(?!{first})\d+"))
    finally:
        assert process.stop() == 0
    last = int(re.findall(members, process.output)[-1])
    eventually(lambda: is_gone(last))


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_one_click_log_ins_are_for_the_steps_and_not_for_the_learners_own_folder():
    serving = Serving(docs_port=18080, step_port=18000, only=[3])
    assert serving.programs[1].env["DEMO"] == "1"
    assert "DEMO" not in serving.step_program("work", ROOT / "work").env
    assert serving.members == []


def test_step_06_has_live_members():
    (members,) = Serving(docs_port=18080, step_port=18000, only=[6]).members
    assert members.argv[1:] == ["-m", "course.step_members", "18006"]
    assert members.watch == members.cwd == ROOT / "step06_fitness_app"


async def test_what_is_late_is_starting_unless_it_has_ended(monkeypatch, capsys):
    monkeypatch.setattr("course.serve.PATIENCE", 0.1)
    base = free_ports()
    serving = Serving(docs_port=base, step_port=base, only=[5, 6])
    serving.log("step 5", "ended (exit code 1): starting again in 1 s, or on save")
    links = asyncio.create_task(serving.print_links())
    try:
        for _ in range(200):
            if "your own folder" in (said := capsys.readouterr().out):
                break
            await asyncio.sleep(0.05)  # between two looks, not for a result
    finally:
        links.cancel()
    assert "step 5  not up, see above" in said
    assert "step 6  still starting" in said


@pytest.mark.skipif(os.name == "nt", reason="not run: kills with SIGKILL, which Windows has not")
def test_nothing_survives_when_serve_is_killed(serving):
    _, base, process = serving
    process.wait_for(rf"step 2 +http://127.0.0.1:{base + 2}/")
    process.process.kill()
    eventually(lambda: all(is_free(base + above) for above in (0, 1, 2)), 10)


def test_taken_port_is_named_with_the_option(tmp_path, project):
    house = make_house(tmp_path / "house", project())
    base = free_ports()
    for above, option in ((0, "--port"), (1, "--step-port")):
        with socket.create_server(("127.0.0.1", base + above)):
            failed = course(house, "serve", "--port", str(base), "--step-port", str(base))
        assert failed.returncode == 1
        assert f"Port {base + above}" in failed.stderr
        assert option in failed.stderr
        assert "Traceback" not in failed.stderr


def test_the_hint_keeps_what_was_typed_and_works(tmp_path, project):
    """Whoever forgot a running `serve` is told once, and not sent from one option to the other."""
    house = make_house(tmp_path / "house", project())
    base = free_ports()
    typed = ["--port", str(base), "--step-port", str(base), "--only", "1"]
    docs, steps = (socket.create_server(("127.0.0.1", base + above)) for above in (0, 1))
    with docs, steps:
        failed = course(house, "serve", *typed)
        hint = failed.stderr.strip().rpartition(" serve ")[2].split()
        assert hint[-2:] == ["--only", "1"], failed.stderr
        process = Process(course_argv("serve", *hint), house, {"PYTHONPATH": ""})
        try:
            port = process.wait_for(r"step 1 +http://127.0.0.1:(\d+)/")[1]
            assert echo(int(port)) == "hi"
        finally:
            process.stop()


def test_docs_do_not_take_the_port_of_a_step(tmp_path, project):
    house = make_house(tmp_path / "house", project())
    base = free_ports()
    for above, name in ((1, "step 1"), (9, "work")):
        failed = course(house, "serve", "--port", str(base + above), "--step-port", str(base))
        assert failed.returncode == 1
        assert f"Port {base + above} is meant for the docs and for {name}." in failed.stderr
        assert "Traceback" not in failed.stderr


def test_the_docs_inspector_may_open_sockets_of_the_steps():
    """From step 05 on, a step refuses the pages of others, and the docs are on another port."""
    serving = Serving(docs_port=18080, step_port=18000, only=[3])
    for program in serving.programs[1:]:
        assert "http://127.0.0.1:18080" in program.env["WS_ALLOWED_ORIGINS"].split(",")


def test_step_that_is_not_there(tmp_path, project):
    house = make_house(tmp_path / "house", project())
    failed = course(house, "serve", "--only", "4")
    assert failed.returncode == 1
    assert failed.stderr == "There is no step 4. The steps here: 1.\n"
