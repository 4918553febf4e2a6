"""`generate`: the docs pages that programs write. A page more is a function more in PAGES."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from packaging.requirements import Requirement

from course.diff import unified
from course.lineage import declaration, difference, files_of, reason
from course.record import trace_pages
from course.schedule import schedule_page
from course.sockets import socket_tables
from course.steps import ROOT, Step, all_steps

DOCS = ROOT / "docs"
WRITTEN = "<!-- Written by `python3 -m course generate`: do not edit. -->"


def step_diff_pages() -> Iterator[tuple[Path, str]]:
    """One page for each pair of steps: docs/steps/diff-01-02.md and so on."""
    for old, new in pairwise(all_steps()):
        yield DOCS / f"steps/diff-{old.number:02}-{new.number:02}.md", step_diff(old, new)


def step_diff(old: Step, new: Step) -> str:
    """What step `new` adds, changes and drops, and the diff of each changed file."""
    found, declared, files = difference(old, new), declaration(new.number), files_of(new)
    # Not in the search: a diff would come before the page that explains the word.
    lines = front_matter(f"What step {new.number} changes", "search: {exclude: true}")
    lines += [
        f"Step {new.number} starts as step {old.number}. What is not listed here is the same to"
        f" the letter. In a terminal: `python3 -m course diff {old.number} {new.number}`"
        f" (Windows: `py -m course diff {old.number} {new.number}`).",
    ]
    lines += section("Changed", [f"`{name}`: {reason(name, declared)}" for name in found.changed])
    sizes = {name: len(files[name].splitlines()) for name in found.added}
    lines += section("Added", [f"`{name}` ({sizes[name]} lines)" for name in found.added])
    lines += section("Dropped", [f"`{name}`" for name in found.dropped])
    diffs = {name: text for name in found.changed if (text := unified(old, new, name))}
    if diffs:
        lines += ["", "## The changed files, line by line"]
    for name, text in diffs.items():
        fence = ["", "``````diff", *text.splitlines(), "``````"]
        if name.startswith("tests/"):
            lines += ["", f'??? note "{name}"', *(f"    {line}".rstrip() for line in fence)]
        else:
            lines += ["", f"### `{name}`", *fence]
    return "\n".join(lines) + "\n"


def versions_page() -> Iterator[tuple[Path, str]]:
    """docs/versions.md: what the course asks for, next to what the lock holds."""
    lines = front_matter("Versions")
    lines += [
        "The ranges stand in `requirements.in` and `requirements-dev.in`; the lock pins one version"
        " of each, with the hashes of its files. Python 3.11 to 3.13.",
        "",
        "| package | asked for | locked | for |",
        "| --- | --- | --- | --- |",
    ]
    for name, purpose in (("requirements", "the course"), ("requirements-dev", "all tests")):
        locked = re.findall(r"^([\w.-]+)==([^\s;\\]+)", read(f"{name}.txt"), flags=re.MULTILINE)
        for line in read(f"{name}.in").splitlines():
            if re.match(r"\w", line):
                lines.append(version_row(Requirement(line), locked, purpose))
    yield DOCS / "versions.md", "\n".join(lines) + "\n"


def version_row(asked: Requirement, locked: list[tuple[str, str]], purpose: str) -> str:
    """One package; where the lock holds two versions of it, the one this range means."""
    (version,) = (v for n, v in locked if n == asked.name.lower() and v in asked.specifier)
    where = f", where `{asked.marker}`" if asked.marker else ""
    return f"| {asked.name} | {asked.specifier or 'any'} | {version} | {purpose}{where} |"


def socket_api_page() -> Iterator[tuple[Path, str]]:
    """docs/operate/socket-api.md: the AsyncAPI file of the step that has one, as tables."""
    for file in ROOT.glob("step*/asyncapi.json"):
        lines = front_matter("The sockets of step 06") + socket_tables(file)
        yield DOCS / "operate/socket-api.md", "\n".join(lines) + "\n"


PAGES: list[Callable[[], Iterator[tuple[Path, str]]]] = [
    step_diff_pages,
    versions_page,
    socket_api_page,
    schedule_page,
    trace_pages,
]


def front_matter(title: str, *more: str) -> list[str]:
    facts = ["---", f"title: {title}", "minutes: 2", "track: extra", *more, "---"]
    return [*facts, "", WRITTEN, "", f"# {title}", ""]


def section(heading: str, items: list[str]) -> list[str]:
    return ["", f"## {heading}", "", *(f"- {item}" for item in items)] if items else []


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def write_pages() -> list[Path]:
    """Write every page that is stale; returns those written."""
    written = stale_pages()
    for path, text in all_pages():
        if path in written:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return written


def stale_pages() -> list[Path]:
    """The pages that are not what would be written now."""
    return [
        path
        for path, text in all_pages()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def all_pages() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        yield from page()
