"""Where things are: the steps of this tree and the learner's own folder."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
WORK = ROOT / "work"
COMMAND = "py -m course" if os.name == "nt" else "python3 -m course"
DOCS_PORT, STEP_PORT = 8080, 8000  # `serve` without options; step 1 is one above the second
WORK_NUMBER = 9  # the learner's own folder is served where a ninth step would be

# Made by running a step; no part of the step.
BY_RUNNING = ("__pycache__", "*.pyc", "*.sqlite3", "*.sqlite3-*", ".env", ".venv", ".*_cache")
BY_RUNNING += ("staticfiles", ".DS_Store", ".coverage", ".hypothesis", ".practice.toml")


class CourseError(Exception):
    """What is wrong and what to do about it, for the learner; the command ends with exit code 1."""


def stop_serve_first() -> str:
    """What to add where work/ is to be moved: Windows moves no folder that a program runs in."""
    return " (stop `serve` first: Ctrl-C)" if os.name == "nt" else ""


@dataclass(frozen=True)
class Step:
    """One of the course's Django projects."""

    number: int
    path: Path

    @property
    def name(self) -> str:
        return self.path.name


def all_steps(root: Path = ROOT) -> list[Step]:
    """The steps of the tree, in order."""
    found = []
    for path in sorted(root.iterdir()):
        match = re.fullmatch(r"step(\d\d)_\w+", path.name)
        if match and (path / "manage.py").exists():
            found.append(Step(int(match[1]), path))
    return found


def step(number: int, root: Path = ROOT) -> Step:
    """Step `number`, or an error that names the ones there are."""
    for candidate in all_steps(root):
        if candidate.number == number:
            return candidate
    there = ", ".join(str(candidate.number) for candidate in all_steps(root)) or "none"
    raise CourseError(f"There is no step {number}. The steps here: {there}.")
