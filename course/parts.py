"""The parts of a step that can be practised one by one, as course/lineage.toml declares them.

Before a part, the step is what the parts before it add: a file is left out until the first part
that lists it. Where a later part lists it again, it stands until then as in course/starts/.
"""

import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course.lineage import DECLARED, difference, files_of, matches
from course.steps import COMMAND, CourseError, Step

STARTS = Path(__file__).with_name("starts")


@dataclass(frozen=True)
class Part:
    """One part: the patterns of the files it adds, and texts of lines that come with it."""

    name: str
    title: str
    added: list[str]
    lines: dict[str, list[str]]

    def lists(self, file: str) -> bool:
        return any(matches(file, pattern) for pattern in self.added)


def parts_of(number: int, declared: Path = DECLARED) -> list[Part]:
    """The parts of step `number`, in order; most steps have none."""
    step = tomllib.loads(declared.read_text(encoding="utf-8")).get(f"step{number:02}", {})
    return [
        Part(name, part["title"], part["added"], part.get("lines", {}))
        for name, part in step.get("parts", {}).items()
    ]


def chosen_part(number: int, name: str | None) -> Part | None:
    """The part of that name, by default the first; None for a step that has no parts."""
    parts = parts_of(number)
    if not parts and name:
        raise CourseError(
            f"Step {number} has no parts. Practise all of it: {COMMAND} start {number}"
        )
    if not parts or name is None:
        return parts[0] if parts else None
    for part in parts:
        if part.name == name.upper():
            return part
    there = ", ".join(f"{part.name} ({part.title})" for part in parts)
    raise CourseError(f"Step {number} has no part {name}. Its parts: {there}.")


def part_after(number: int, name: str | None) -> Part | None:
    """The part that follows; None after the last one."""
    names = [part.name for part in parts_of(number)]
    later = names[names.index(name) + 1 :] if name in names else []
    return chosen_part(number, later[0]) if later else None


def earlier_version(number: int, file: str, part: Part) -> Path:
    """Where a file stands as it is before `part`."""
    return STARTS / f"step{number:02}" / part.name / file


def go_back_to(part: Part, project: Step) -> None:
    """Make a copy of the whole step what it is before `part`."""
    parts = parts_of(project.number)
    first = parts.index(part)
    for name in files_of(project):
        listing = [number for number, other in enumerate(parts) if other.lists(name)]
        still_to_come = [number for number in listing if number >= first]
        if still_to_come == listing and listing:
            (project.path / name).unlink()
        elif still_to_come:
            shutil.copy(
                earlier_version(project.number, name, parts[still_to_come[0]]), project.path / name
            )
    for later in parts[first:]:
        for name, texts in later.lines.items():
            path = project.path / name
            if path.exists():
                lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
                kept = [line for line in lines if not any(text in line for text in texts)]
                path.write_text("".join(kept), encoding="utf-8", newline="\n")
    for folder in sorted((p for p in project.path.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def outdated(old: Step, new: Step) -> Iterator[str]:
    """What lineage.toml says of the parts of `new` that the tree does not bear out."""
    parts, files = parts_of(new.number), files_of(new)
    table = f"[step{new.number:02}.parts] in course/lineage.toml"
    for name in difference(old, new).added if parts else []:
        if not name.startswith("tests/") and not any(part.lists(name) for part in parts):
            yield f"{name} is in no part: list it in {table}."
    starts = set()
    for part in parts:
        for pattern in part.added:
            if not any(matches(name, pattern) for name in files):
                yield f"part {part.name} adds {pattern}, which matches no file: mend {table}."
        for name, texts in part.lines.items():
            for text in texts:
                if text.encode() not in files.get(name, b""):
                    yield f"part {part.name}: no line of {name} holds {text!r}: mend {table}."
        earlier = parts[: parts.index(part)]
        for name in files:
            if part.lists(name) and any(other.lists(name) for other in earlier):
                starts.add(path := earlier_version(new.number, name, part))
                if not path.exists():
                    yield f"{name} is added by part {part.name} and before it: write {path}."
    for path in sorted((STARTS / f"step{new.number:02}").rglob("*.*")):
        if path not in starts and path.suffix != ".pyc":
            yield f"{path} stands for no file that two parts of {table} list: delete it."
