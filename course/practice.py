"""`start` and `check`: work towards a step in `work/`, one task after the other.

`work/` begins as the code of the step before with the tests of the step that is practised. A task
is one of these tests with a title, a hint and a page: see course/tasks.py. A step may come in
parts, each of which begins where the one before ends: see course/parts.py.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from course.copy import copy_step
from course.parts import Part, chosen_part, go_back_to, part_after, parts_of
from course.steps import (
    BY_RUNNING,
    COMMAND,
    ROOT,
    WORK,
    CourseError,
    Step,
    all_steps,
    step,
    stop_serve_first,
)

MARK = ".practice.toml"
DOCS = "http://127.0.0.1:8080/"
MINUTES = 15  # that the tasks of a step may take; course/tasks.py ends what computes for ever


@dataclass(frozen=True)
class Task:
    """One task as pytest ran it; `why` says why it failed."""

    test: str
    title: str
    hint: str
    page: str
    passed: bool
    why: str


def start_practice(
    number: int, part: str | None = None, work: Path = WORK, root: Path = ROOT
) -> Part | None:
    """Put the code that step `number`, or a part of it, begins with into `work`; and its tests."""
    target = step(number, root)
    if number == all_steps(root)[0].number:
        raise CourseError(
            f"Step {number} is where the course begins. Practise from {number + 1} on:"
            f" {COMMAND} start {number + 1}"
        )
    chosen = chosen_part(number, part)
    if work.is_dir() and any(work.iterdir()):
        again = f"{COMMAND} start {number}" + (f" --part {chosen.name}" if part else "")
        raise CourseError(
            f"{work} holds your work. Move or rename it to keep it, or delete it"
            f"{stop_serve_first()}; then again: {again}"
        )
    with tempfile.TemporaryDirectory() as scratch:
        begun = start_state(target, chosen, Path(scratch), root)
        copy_step(begun, work)
    mark = f"step = {number}\n" + (f'part = "{chosen.name}"\n' if chosen else "")
    (work / MARK).write_text(mark, encoding="utf-8")
    return chosen


def start_state(target: Step, part: Part | None, scratch: Path, root: Path = ROOT) -> Step:
    """What practising begins with, made in `scratch`.

    Mostly step N−1's code with step N's tests. A later part begins with what those before it add.
    """
    made_by_running = shutil.ignore_patterns(*BY_RUNNING)
    is_later = part is not None and part != parts_of(target.number)[0]
    source = target if is_later else step(target.number - 1, root)
    begun = Step(target.number, scratch / source.name)
    shutil.copytree(source.path, begun.path, ignore=made_by_running)
    if is_later:
        go_back_to(part, begun)
    else:
        shutil.rmtree(begun.path / "tests", ignore_errors=True)
        shutil.copytree(target.path / "tests", begun.path / "tests", ignore=made_by_running)
        shutil.copy(target.path / "pytest.ini", begun.path / "pytest.ini")
    return begun


def practised(work: Path = WORK) -> tuple[int, str | None]:
    """The step that `work` practises, and the part of it."""
    mark = work / MARK
    if not mark.exists():
        raise CourseError(f"{work} is no practice folder. Begin with: {COMMAND} start 2")
    told = tomllib.loads(mark.read_text(encoding="utf-8"))
    return told["step"], told.get("part")


def run_tasks(
    project: Path, part: str | None = None, stop_at_first_failure: bool = False, seconds: float = 5
) -> list[Task]:
    """Run the project's tasks in order, or those of one part.

    A task that is not done mostly waits for a frame that does not come: so many `seconds`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "tasks.json")
        argv = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "course.tasks"]
        argv += ["-p", "no:cacheprovider", "--continue-on-collection-errors", "--color=no"]
        argv += [f"--tasks-report={report}"] + ["--first-failure"] * stop_at_first_failure
        argv += [f"--tasks-part={part}"] * (part is not None)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
        # Two saves within a second would look like one to Python's cache.
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["TEST_SECONDS"] = str(seconds)
        try:
            run = subprocess.run(
                argv,
                cwd=project,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=60 * MINUTES,
            )
            last = "\n".join((run.stdout + run.stderr).strip().splitlines()[-15:])
            problem = f"could not be run:\n{last}"
        except subprocess.TimeoutExpired:
            problem = f"did not end in {MINUTES:g} minutes: something in them waits for ever."
        if not report.exists():
            raise CourseError(f"The tests of {project} {problem}")
        return [Task(**task) for task in json.loads(report.read_text(encoding="utf-8"))]


def check_practice(work: Path = WORK) -> tuple[bool, str]:
    """Whether every task of `work` passes, and what to say to the learner."""
    number, part = practised(work)
    what = f"part {part} of step {number}" if part else f"step {number}"
    tasks = run_tasks(work, part, stop_at_first_failure=True)
    if not tasks:
        raise CourseError(f"There are no tasks in {what}.")
    failing = next((task for task in tasks if not task.passed), None)
    if failing is None:
        return True, all_done(number, part, len(tasks))
    passed = sum(task.passed for task in tasks)
    lines = [f"{passed} of {len(tasks)} tasks done. Next:", "", f"  {failing.title}"]
    lines += ["", f"Hint: {failing.hint}", f"Test: work/{failing.test}"]
    if failing.page:
        lines.append(f"Page: {DOCS}{failing.page}   (while `{COMMAND} serve` runs)")
    lines += ["", "Why it fails now:", *(f"  {line}" for line in failing.why.splitlines())]
    return False, "\n".join(lines)


def all_done(number: int, part: str | None, count: int) -> str:
    """What to do after the last task of a step or a part."""
    what = f"part {part} of step {number}" if part else f"step {number}"
    text = f"All {count} tasks of {what} are done.\n"
    text += f"Compare with the course's own code: {COMMAND} diff {number - 1} {number}\n"
    after = [step.number for step in all_steps() if step.number > number]
    keeping = f"work/{stop_serve_first()} if you want to keep it, then"
    if following := part_after(number, part):
        text += f"Next is part {following.name}, {following.title}. Rename {keeping}"
        text += f" {COMMAND} start {number} --part {following.name}"
    elif after:
        text += f"Go on: rename {keeping} {COMMAND} start {after[0]}"
    return text.rstrip()
