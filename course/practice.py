"""`start` and `check`: work towards a step in `work/`, one task after the other.

`work/` begins as the code of the step before with the tests of the step that is practised. A task
is one of these tests with a title, a hint and a page: see course/tasks.py.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from course.copy import copy_step
from course.steps import COMMAND, ROOT, WORK, CourseError, all_steps, step

MARK = ".practice.toml"
DOCS = "http://127.0.0.1:8080/"


@dataclass(frozen=True)
class Task:
    """One task as pytest ran it; `why` says why it failed."""

    test: str
    title: str
    hint: str
    page: str
    passed: bool
    why: str


def start_practice(number: int, work: Path = WORK, root: Path = ROOT) -> None:
    """Put step N−1's code with step N's tests into `work`."""
    target = step(number, root)
    if number == all_steps(root)[0].number:
        raise CourseError(
            f"Step {number} is where the course begins. Practise from {number + 1} on:"
            f" {COMMAND} start {number + 1}"
        )
    if work.is_dir() and any(work.iterdir()):
        raise CourseError(
            f"{work} holds your work. Move or rename it to keep it, or delete it; then again:"
            f" {COMMAND} start {number}"
        )
    copy_step(step(number - 1, root), work)
    shutil.rmtree(work / "tests")
    made_by_running = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(target.path / "tests", work / "tests", ignore=made_by_running)
    shutil.copy(target.path / "pytest.ini", work / "pytest.ini")
    (work / MARK).write_text(f"step = {number}\n", encoding="utf-8")


def practised(work: Path = WORK) -> int:
    """The step that `work` practises."""
    mark = work / MARK
    if not mark.exists():
        raise CourseError(f"{work} is no practice folder. Begin with: {COMMAND} start 2")
    return int(mark.read_text(encoding="utf-8").split("=")[1])


def run_tasks(project: Path, stop_at_first_failure: bool = False) -> list[Task]:
    """Run the project's tasks in order."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "tasks.json")
        argv = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "course.tasks"]
        argv += ["-p", "no:cacheprovider", "--continue-on-collection-errors", "--color=no"]
        argv += [f"--tasks-report={report}"] + ["--first-failure"] * stop_at_first_failure
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
        # Two saves within a second would look like one to Python's cache.
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        run = subprocess.run(
            argv,
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        if not report.exists():
            last = "\n".join((run.stdout + run.stderr).strip().splitlines()[-15:])
            raise CourseError(f"The tests of {project} could not be run:\n{last}")
        return [Task(**task) for task in json.loads(report.read_text(encoding="utf-8"))]


def check_practice(work: Path = WORK) -> tuple[bool, str]:
    """Whether every task of `work` passes, and what to say to the learner."""
    number = practised(work)
    tasks = run_tasks(work, stop_at_first_failure=True)
    if not tasks:
        raise CourseError(f"Step {number} has no tasks.")
    failing = next((task for task in tasks if not task.passed), None)
    if failing is None:
        return True, all_done(number, len(tasks))
    passed = sum(task.passed for task in tasks)
    lines = [f"{passed} of {len(tasks)} tasks done. Next:", "", f"  {failing.title}"]
    lines += ["", f"Hint: {failing.hint}", f"Test: work/{failing.test}"]
    if failing.page:
        lines.append(f"Page: {DOCS}{failing.page}   (while `{COMMAND} serve` runs)")
    lines += ["", "Why it fails now:", *(f"  {line}" for line in failing.why.splitlines())]
    return False, "\n".join(lines)


def all_done(number: int, count: int) -> str:
    """What to do after the last task."""
    after = [step.number for step in all_steps() if step.number > number]
    text = f"All {count} tasks of step {number} are done.\n"
    text += f"Compare with the course's own code: {COMMAND} diff {number - 1} {number}\n"
    if after:
        text += f"Go on: rename work/ if you want to keep it, then {COMMAND} start {after[0]}"
    return text.rstrip()
