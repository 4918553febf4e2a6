"""`start` and `check`, and the gate: a task fails where it starts and passes where it ends."""

from itertools import pairwise

import pytest

from course.practice import MARK, run_tasks, start_practice
from course.steps import all_steps
from tests.course_house import course, make_house

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


def test_marked_file_is_not_copied_on(house, tmp_path):
    """A step that was practised in place, by mistake, makes no copy a practice folder."""
    (house / "step01_small" / MARK).write_text("step = 2\n", encoding="utf-8")
    course(house, "copy", "1", str(tmp_path / "copy"))
    assert not (tmp_path / "copy" / MARK).exists()


PAIRS = list(pairwise(all_steps()))


@pytest.mark.parametrize(("before", "step"), PAIRS, ids=lambda step: step.name)
def test_every_task_fails_at_its_start_and_passes_at_its_end(before, step, tmp_path):
    work = tmp_path / "work"
    start_practice(step.number, work)
    at_start, at_end = run_tasks(work), run_tasks(step.path)
    assert at_end, f"{step.name} has no test marked as a task"
    done_already = [task.test for task in at_start if task.passed]
    assert not done_already, f"{before.name}'s code passes tasks of {step.name}: {done_already}"
    failing = [f"{task.test}: {task.why}" for task in at_end if not task.passed]
    assert not failing, f"{step.name} fails its own tasks: {failing}"
    assert [task.test for task in at_start] == [task.test for task in at_end]
