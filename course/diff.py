"""`diff A B`: what step B changes against step A, for the terminal and for the docs."""

import difflib

from rich.console import Console

from course.lineage import difference, files_of
from course.steps import Step

COLOURS = {"+": "green", "-": "red", "@": "cyan"}
SECTION_MARK = "--8<--"  # names a part of a file for the docs' pages; no part of the lesson


def text_lines(content: bytes) -> list[str] | None:
    """The file's lines without section marks; None for a file that is not text."""
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return None
    return [line for line in lines if SECTION_MARK not in line]


def unified(old: Step, new: Step, name: str) -> str:
    """The unified diff of one file; empty if only section marks differ or it is not text."""
    before = text_lines(files_of(old).get(name, b""))
    after = text_lines(files_of(new).get(name, b""))
    if before is None or after is None:
        return ""
    lines = difflib.unified_diff(
        before, after, f"{old.name}/{name}", f"{new.name}/{name}", lineterm=""
    )
    return "\n".join(lines)


def print_diff(old: Step, new: Step) -> None:
    """Print the lists of files, then each changed file's diff."""
    console = Console(highlight=False, soft_wrap=True)
    found = difference(old, new)
    for kind in ("added", "changed", "dropped"):
        names = getattr(found, kind)
        console.print(f"[bold]{kind}[/]: {len(names)} files")
        for name in names:
            console.print(f"  {name}", markup=False)
    for name in found.changed:
        text = unified(old, new, name)
        console.print()
        for line in text.splitlines():
            console.print(line, style=COLOURS.get(line[:1], ""), markup=False)
