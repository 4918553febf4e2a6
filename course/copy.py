"""`copy`: one step as a project of your own, with a secret key of its own."""

import re
import secrets
import shutil
from pathlib import Path

from course.diff import SECTION_MARK
from course.steps import BY_RUNNING, CourseError, Step

MARKED = {".py", ".js", ".conf", ".service"}


def copy_step(step: Step, target: Path) -> None:
    """Copy what belongs to the step into `target`, which must be empty or not there yet."""
    target = target.resolve()
    refuse_if_used(target)
    if target.is_relative_to(step.path):
        raise CourseError(f"{target} lies inside {step.name} itself. Name a folder outside of it.")
    # Whole or not at all: `serve` starts work/ as soon as it is there.
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(step.path, unfinished, ignore=shutil.ignore_patterns(*BY_RUNNING))
        remove_section_marks(unfinished)
        write_env(unfinished)
        if target.exists():
            target.rmdir()
        unfinished.rename(target)
    except OSError as error:
        why = error.strerror or error
        raise CourseError(
            f"{step.name} could not be copied to {target}: {why}.\nName a folder you may write to."
        ) from error


def refuse_if_used(target: Path) -> None:
    """Raise unless `target` is empty or not there: nothing of yours is ever overwritten."""
    if target.is_dir() and any(target.iterdir()):
        raise CourseError(f"{target} is not empty. Name a new folder, or empty that one first.")
    if target.exists() and not target.is_dir():
        raise CourseError(f"{target} is a file. Name a new folder.")


def remove_section_marks(project: Path) -> None:
    """They are for the docs, whose pages show the step's own files."""
    for path in project.rglob("*"):
        text = path.read_text(encoding="utf-8") if path.suffix in MARKED else ""
        if SECTION_MARK in text:
            lines = [line for line in text.splitlines(keepends=True) if SECTION_MARK not in line]
            path.write_text("".join(lines), encoding="utf-8")


def write_env(project: Path) -> None:
    """Make `.env` from `.env.example`, with a key that nobody else has."""
    example = (project / ".env.example").read_text(encoding="utf-8")
    key = f"SECRET_KEY={secrets.token_urlsafe(50)}"
    text, found = re.subn(r"^#?\s*SECRET_KEY=.*$", key, example, flags=re.MULTILINE)
    if not found:
        raise CourseError(f"{project / '.env.example'} has no line SECRET_KEY=; add one.")
    (project / ".env").write_text(text, encoding="utf-8")
