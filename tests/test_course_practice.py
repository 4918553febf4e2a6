"""`start` and `check`, and the gate: a task fails where it starts and passes where it ends."""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest
from markdown.extensions.toc import slugify

from course.parts import outdated, parts_of
from course.practice import MARK, all_done, run_tasks, start_practice
from course.steps import BY_RUNNING, CourseError, Step, all_steps
from tests.course_house import ROOT, course, make_house

TASKS = """
import pytest


@pytest.mark.task(title="Be two", hint="Look at config/number.py.", page="steps/step02/#two")
def test_two():
    from config.number import NUMBER

    assert NUMBER >= 2, "too small"


def test_that_is_no_task():
    raise AssertionError("this one is not to be run")


@pytest.mark.task(title="Be three", hint="One more.", page="steps/step02/#three")
def test_three():
    from config.number import NUMBER

    assert NUMBER == 3
"""
INI = "[pytest]\naddopts = --strict-markers\nmarkers = task(title, hint, page): a task\n"
NUMBER = "config/number.py"


@pytest.fixture
def house(tmp_path, project):
    """Two small steps; the second wants NUMBER to be 3."""
    step = project(**{"tests/test_number.py": TASKS, "pytest.ini": INI, NUMBER: "NUMBER = 1\n"})
    house = make_house(tmp_path / "house", step, step)
    (house / "step01_small/tests/test_number.py").unlink()
    (house / "step02_small" / NUMBER).write_text("NUMBER = 3\n", encoding="utf-8")
    return house


def test_practice_from_the_first_task_to_the_last(house):
    started = course(house, "start", "2")
    assert started.returncode == 0, started.stderr
    assert "check" in started.stdout

    first = course(house, "check")
    assert first.returncode == 1
    assert first.stdout.startswith("0 of 2 tasks done. Next:\n\n  Be two\n")
    assert "Hint: Look at config/number.py." in first.stdout
    assert "http://127.0.0.1:8080/steps/step02/#two" in first.stdout
    assert "too small" in first.stdout

    (house / "work" / NUMBER).write_text("NUMBER = 2\n", encoding="utf-8")
    second = course(house, "check")
    assert second.stdout.startswith("1 of 2 tasks done. Next:\n\n  Be three\n")

    (house / "work" / NUMBER).write_text("NUMBER = 3\n", encoding="utf-8")
    last = course(house, "check")
    assert last.returncode == 0, last.stdout + last.stderr
    assert "All 2 tasks of step 2 are done." in last.stdout


def test_start_never_overwrites(house):
    course(house, "start", "2")
    (house / "work" / NUMBER).write_text("NUMBER = 2\n", encoding="utf-8")
    again = course(house, "start", "2")
    assert again.returncode == 1
    assert "holds your work" in again.stderr
    assert (house / "work" / NUMBER).read_text(encoding="utf-8") == "NUMBER = 2\n"


@pytest.mark.parametrize(("system", "stops"), [("nt", True), ("posix", False)])
def test_where_work_is_to_be_renamed_windows_is_told_to_stop_serve(
    monkeypatch, tmp_path, system, stops
):
    monkeypatch.setattr("course.steps.os", SimpleNamespace(name=system))
    (tmp_path / "manage.py").touch()
    with pytest.raises(CourseError, match="Move or rename it") as refused:
        start_practice(2, work=tmp_path)
    for text in (str(refused.value), all_done(2, None, 6), all_done(4, "A", 3)):
        assert "ename" in text
        assert ("(stop `serve` first: Ctrl-C)" in text) is stops


def test_start_of_the_first_step(house):
    refused = course(house, "start", "1")
    assert refused.returncode == 1
    assert "start 2" in refused.stderr
    assert not (house / "work").exists()


def test_check_without_practice(house):
    refused = course(house, "check")
    assert refused.returncode == 1
    assert "start 2" in refused.stderr


def test_check_names_a_file_of_tasks_that_does_not_load(house):
    course(house, "start", "2")
    path = house / "work/tests/test_number.py"
    path.write_text("import config.gone\n" + TASKS, encoding="utf-8")
    checked = course(house, "check")
    assert checked.returncode == 1
    assert "Make tests/test_number.py load" in checked.stdout
    assert "config.gone" in checked.stdout


def test_check_when_the_project_does_not_load(house):
    course(house, "start", "2")
    (house / "work/tests/conftest.py").write_text("no Python", encoding="utf-8")
    checked = course(house, "check")
    assert checked.returncode == 1
    assert "could not be run" in checked.stderr
    assert "SyntaxError" in checked.stderr


ENDLESS_TASKS = """
import asyncio

import pytest
from channels.testing import WebsocketCommunicator

from config.endless import application


@pytest.mark.task(title="Come to an end", hint="Await receive() again.", page="steps/step02/#end")
def test_the_end():
    async def talk():
        communicator = WebsocketCommunicator(application, "/")
        await communicator.connect()
        await communicator.send_input({"type": "websocket.receive", "text": "hi"})
        await communicator.receive_output()
        await communicator.disconnect()

    asyncio.run(talk())
"""
ENDLESS = """
import asyncio


def count(number=0):
    while number >= 0:
        number += 1


async def application(scope, receive, send):
    event = await receive()
    await send({"type": "websocket.accept"})
    while event["type"] != "websocket.disconnect":
"""


@pytest.mark.parametrize(
    ("code", "place", "why"),
    [
        (
            ENDLESS + "        await send({'type': 'websocket.send', 'text': 'again'})",
            r"config/endless\.py:14: in application",
            "10000 frames were sent and none was read. Is there a loop",
        ),
        (ENDLESS + "        pass", r'endless\.py", line 13, in application', "3 s of computing"),
        (
            ENDLESS + "        await asyncio.to_thread(count)",
            r'endless\.py", line [67], in count',
            "3 s of computing",
        ),
    ],
    ids=["sends", "does nothing", "in a thread"],
)
def test_check_names_the_loop_of_a_task_that_does_not_end(house, code, place, why):
    course(house, "start", "2")
    (house / "work/tests/test_number.py").write_text(ENDLESS_TASKS, encoding="utf-8")
    (house / "work/config/endless.py").write_text(code, encoding="utf-8")
    checked = course(house, "check", TEST_BUSY_SECONDS="3")
    assert checked.returncode == 1
    assert "0 of 1 tasks done. Next:\n\n  Come to an end\n" in checked.stdout, checked.stderr
    assert "Hint: Await receive() again." in checked.stdout
    assert re.search(place, checked.stdout)
    assert why in checked.stdout


def test_check_names_the_loop_of_a_file_that_does_not_load(house):
    course(house, "start", "2")
    (house / "work/tests/test_number.py").write_text(ENDLESS_TASKS, encoding="utf-8")
    (house / "work/config/endless.py").write_text("while True:\n    pass", encoding="utf-8")
    checked = course(house, "check", TEST_BUSY_SECONDS="3")
    assert checked.returncode == 1
    assert "Make the tests load" in checked.stdout, checked.stderr
    assert 'endless.py", line ' in checked.stdout


def test_check_has_an_end_even_when_a_task_only_waits(house, monkeypatch):
    course(house, "start", "2")
    waits = "import threading\n\nthreading.Event().wait()\n"
    (house / "work" / NUMBER).write_text(waits, encoding="utf-8")
    monkeypatch.setattr("course.practice.MINUTES", 0.05)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    with pytest.raises(CourseError, match=r"work did not end in 0.05 minutes"):
        run_tasks(house / "work")


def test_marked_file_is_not_copied_on(house, tmp_path):
    """A step that was practised in place, by mistake, makes no copy a practice folder."""
    (house / "step01_small" / MARK).write_text("step = 2\n", encoding="utf-8")
    course(house, "copy", "1", str(tmp_path / "copy"))
    assert not (tmp_path / "copy" / MARK).exists()


PARTS = """
[step02.parts.A]
title = "up to two"
added = ["two.py"]

[step02.parts.B]
title = "up to three"
added = ["three.py", "both.py"]
lines = { "config/number.py" = ["three"] }
"""


@pytest.fixture
def in_parts(house):
    """The same house, its second step in two parts."""
    for name in ("two.py", "three.py", "both.py"):
        (house / "step02_small" / name).write_text("", encoding="utf-8")
    for folder in ("step01_small", "step02_small"):
        (house / folder / "pytest.ini").write_text(INI.replace("page", "page, part"), "utf-8")
    path = house / "step02_small/tests/test_number.py"
    parts = {"/#two": "A", "/#three": "B"}
    for page, part in parts.items():
        marked = path.read_text(encoding="utf-8").replace(f'{page}"', f'{page}", part="{part}"')
        path.write_text(marked, encoding="utf-8")
    number = "NUMBER = 2\nNUMBER = 3  # three\n"
    (house / "step02_small" / NUMBER).write_text(number, encoding="utf-8")
    with (house / "course/lineage.toml").open("a", encoding="utf-8") as lineage:
        lineage.write(PARTS)
    return house


def test_the_parts_one_after_the_other(in_parts):
    """Without --part, the first one; `check` runs that part's tasks, then names the next part."""
    started = course(in_parts, "start", "2")
    assert started.stdout.startswith("Part A of step 2: up to two.\n"), started.stderr
    assert not (in_parts / "work/two.py").exists()
    first = course(in_parts, "check")
    assert first.stdout.startswith("0 of 1 tasks done. Next:\n\n  Be two\n")

    (in_parts / "work" / NUMBER).write_text("NUMBER = 2\n", encoding="utf-8")
    done = course(in_parts, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 1 tasks of part A of step 2 are done." in done.stdout
    assert "start 2 --part B" in done.stdout

    (in_parts / "work").rename(in_parts / "work-a")
    started = course(in_parts, "start", "2", "--part", "b")
    assert "the code of step 2 before part B" in started.stdout, started.stderr
    assert (in_parts / "work/two.py").exists()
    assert not (in_parts / "work/three.py").exists()
    assert (in_parts / "work" / NUMBER).read_text(encoding="utf-8") == "NUMBER = 2\n"
    second = course(in_parts, "check")
    assert second.stdout.startswith("0 of 1 tasks done. Next:\n\n  Be three\n")

    (in_parts / "work" / NUMBER).write_text("NUMBER = 3\n", encoding="utf-8")
    done = course(in_parts, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--part" not in done.stdout


def test_start_of_a_part_never_overwrites(in_parts):
    course(in_parts, "start", "2", "--part", "A")
    again = course(in_parts, "start", "2", "--part", "B")
    assert again.returncode == 1
    assert "holds your work" in again.stderr
    assert "start 2 --part B" in again.stderr


def test_a_part_that_is_not_there(in_parts):
    refused = course(in_parts, "start", "2", "--part", "C")
    assert refused.returncode == 1
    assert "no part C. Its parts: A (up to two), B (up to three)." in refused.stderr
    assert not (in_parts / "work").exists()


def test_a_step_without_parts(house):
    refused = course(house, "start", "2", "--part", "A")
    assert refused.returncode == 1
    assert "Step 2 has no parts" in refused.stderr
    assert not (house / "work").exists()


PAIRS = list(pairwise(all_steps()))


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda step: step.name)
def test_the_lists_of_parts_fit_the_tree(old, new):
    problems = list(outdated(old, new))
    assert not problems, "\n" + "\n".join(problems)


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """A step of one file more than the one before, and what is wrong with its parts."""
    for name in ("step01_x/same.py", "step02_x/same.py", "step02_x/new.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("number = 1\n", encoding="utf-8")
    declared = tmp_path / "lineage.toml"
    monkeypatch.setattr("course.parts.parts_of", lambda number: parts_of(number, declared))
    monkeypatch.setattr("course.parts.STARTS", tmp_path / "starts")

    def problems(text: str) -> list[str]:
        declared.write_text(text, encoding="utf-8")
        return list(outdated(Step(1, tmp_path / "step01_x"), Step(2, tmp_path / "step02_x")))

    return problems


A_PART = '[step02.parts.{}]\ntitle = "it"\nadded = ["{}"]\n'


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        (A_PART.format("A", "same.py"), "new.py is in no part"),
        (A_PART.format("A", "ne*.py") + A_PART.format("B", "gone/**"), "part B adds gone/**"),
        (
            A_PART.format("A", "new.py") + 'lines = { "same.py" = ["another"] }\n',
            "part A: no line of same.py holds 'another'",
        ),
        (
            A_PART.format("A", "*.py") + A_PART.format("B", "new.py"),
            "new.py is added by part B and before it: write",
        ),
    ],
)
def test_a_list_that_is_out_of_date_is_named(listed, parts, problem):
    assert [found[: len(problem)] for found in listed(parts)] == [problem]


def test_a_list_that_fits(listed, tmp_path):
    lines = 'lines = { "same.py" = ["number"] }\n'
    assert listed(A_PART.format("A", "new.py") + lines) == []
    assert listed("") == []  # a step without parts
    for name in ("new.py", "other.py"):
        path = tmp_path / "starts/step02/B" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    (problem,) = listed(A_PART.format("A", "*.py") + A_PART.format("B", "new.py"))
    assert "other.py stands for no file" in problem


def is_on_the_page(address: str) -> bool:
    """Whether a task's page has the heading that the task points to."""
    page, _, anchor = address.partition("/#")
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+?)(?: *\{ *#(\S+) *\})?$", text, re.MULTILINE)
    return anchor in [own or slugify(heading, "-") for heading, own in headings]


PRACTISED = [
    (new, part, before)
    for _, new in PAIRS
    for before, part in pairwise([None, *(part.name for part in parts_of(new.number))])
] + [(new, None, None) for _, new in PAIRS if not parts_of(new.number)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "part", "before"), PRACTISED, ids=[f"{new.name}{p or ''}" for new, p, _ in PRACTISED]
)
def test_every_task_fails_at_its_start_and_passes_at_its_end(step, part, before, tmp_path):
    work = tmp_path / "work"
    start_practice(step.number, part, work)
    end = tmp_path / step.name  # a copy: the step's own suite, and its database, run beside this
    shutil.copytree(step.path, end, ignore=shutil.ignore_patterns(*BY_RUNNING))
    at_start = run_tasks(work, part, seconds=2)  # most of them wait for what does not come
    at_end = run_tasks(end, part, seconds=60)  # other suites may be running
    assert at_end, f"{step.name} has no test marked as a task"
    done_already = [task.test for task in at_start if task.passed]
    assert not done_already, f"the code it starts with passes tasks of {step.name}: {done_already}"
    failing = [f"{task.test}: {task.why}" for task in at_end if not task.passed]
    assert not failing, f"{step.name} fails its own tasks: {failing}"
    assert [task.test for task in at_start] == [task.test for task in at_end]
    assert not [task.page for task in at_end if not is_on_the_page(task.page)]
    if before:  # a part begins where the one before ended
        failing = [
            f"{t.test}: {t.why}" for t in run_tasks(work, before, seconds=60) if not t.passed
        ]
        assert not failing, f"part {part} begins without the work of part {before}: {failing}"


def test_every_task_of_a_step_with_parts_is_in_one():
    for _, new in PAIRS:
        names = [part.name for part in parts_of(new.number)]
        text = "".join(path.read_text(encoding="utf-8") for path in new.path.glob("tests/*.py"))
        assert text.count('part="') == (text.count("mark.task(") if names else 0)
        assert all(f'part="{name}"' in text for name in names)


LOOK = """
import sys, django
django.setup()
from django.test import Client
for path in sys.argv[1:]:
    print(path, Client().get(path, HTTP_HOST="127.0.0.1").status_code)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "pages"),
    [("A", ["/"]), ("B", ["/cheers/"]), ("C", ["/cheers/", "/"]), ("D", ["/cheers/", "/"])],
)
def test_each_part_of_step_4_begins_as_a_site_that_runs(part, pages, tmp_path):
    start_practice(4, part, tmp_path / "work")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path / "work",
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("manage.py", "check")
    run("manage.py", "makemigrations", "--check", "--dry-run")
    run("manage.py", "migrate", "--verbosity", "0")
    assert run("-c", LOOK, *pages).splitlines() == [f"{page} 200" for page in pages]
