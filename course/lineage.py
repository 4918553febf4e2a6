"""What step N adds, changes and drops against step N−1: as the tree has it, and as declared.

`course/lineage.toml` declares it. Patterns are globs: `*` stays within a folder, `**` does not.
"""

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from course.steps import BY_RUNNING, CourseError, Step

DECLARED = Path(__file__).with_name("lineage.toml")


@dataclass
class Difference:
    """Files of the newer step that the older has not, has otherwise, and the other way round."""

    added: list[str]
    changed: list[str]
    dropped: list[str]


@dataclass
class Declaration:
    """One table of lineage.toml; `changed` maps a pattern to the reason."""

    added: list[str]
    changed: dict[str, str]
    dropped: list[str]


def files_of(step: Step) -> dict[str, bytes]:
    """The step's files by their path within it, without what running it makes.

    Line ends do not count: git on Windows changes them.
    """
    found = {}
    for path in sorted(step.path.rglob("*")):
        relative = path.relative_to(step.path)
        by_running = any(fnmatch(part, made) for part in relative.parts for made in BY_RUNNING)
        if path.is_file() and not by_running:
            found[relative.as_posix()] = path.read_bytes().replace(b"\r\n", b"\n")
    return found


def difference(old: Step, new: Step) -> Difference:
    """Compare two steps file by file."""
    before, after = files_of(old), files_of(new)
    return Difference(
        added=[name for name in after if name not in before],
        changed=[name for name in after if name in before and before[name] != after[name]],
        dropped=[name for name in before if name not in after],
    )


def declaration(number: int, declared: Path = DECLARED) -> Declaration:
    """What lineage.toml says of step `number` against the one before."""
    table = tomllib.loads(declared.read_text(encoding="utf-8")).get(f"step{number:02}")
    if table is None:
        raise CourseError(f"{declared.name} has no table [step{number:02}]. Add one.")
    return Declaration(table.get("added", []), table.get("changed", {}), table.get("dropped", []))


def matches(name: str, pattern: str) -> bool:
    """Whether the pattern covers the file."""
    expression = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(expression, name) is not None


def reason(name: str, declared: Declaration) -> str:
    """Why the file changes, as declared."""
    return next((why for p, why in declared.changed.items() if matches(name, p)), "")


def disagreements(actual: Difference, declared: Declaration, new: Step) -> list[str]:
    """Every file on which tree and declaration differ, with both ways to mend it."""
    table = f"[step{new.number:02}] in course/lineage.toml"
    problems = []
    for kind in ("added", "changed", "dropped"):
        names, patterns = getattr(actual, kind), list(getattr(declared, kind))
        for name in names:
            if not any(matches(name, pattern) for pattern in patterns):
                undo = {
                    "added": f"delete {new.name}/{name}",
                    "changed": f"make {new.name}/{name} the same as in the step before",
                    "dropped": f"copy {name} from the step before",
                }[kind]
                problems.append(f"{name} is {kind}, undeclared: list it in {table}, or {undo}.")
        for pattern in patterns:
            if not any(matches(name, pattern) for name in names):
                problems.append(
                    f"{pattern} is declared as {kind} and is not: take it out of {table},"
                    f" or do to {new.name}/{pattern} what is declared."
                )
    return problems
