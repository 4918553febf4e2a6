"""The workshop's schedule, summed from the front matter of the step pages."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from course.steps import ROOT

PAGE = ROOT / "docs/workshop/schedule.md"
BREAK = 15  # minutes after each step but the last
HALF_A_DAY = 3  # steps


def step_pages() -> list[Path]:
    return sorted((ROOT / "docs/steps").glob("step[0-9][0-9]_*.md"))


def front_matter(page: Path) -> dict:
    return yaml.safe_load(page.read_text(encoding="utf-8").split("\n---\n", 1)[0])


def minutes(sections: list[dict], track: str) -> int:
    return sum(section["minutes"] for section in sections if section["track"] == track)


def clock(passed: int) -> str:
    """Minutes since the beginning as hours and minutes."""
    return f"{passed // 60}:{passed % 60:02}"


def anchor(heading: str) -> str:
    """The id that Python-Markdown's toc gives a heading."""
    plain = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)


def render() -> str:
    """The page docs/workshop/schedule.md."""
    pages = [(page, front_matter(page)) for page in step_pages()]
    lines = ["---", "title: Schedule", "minutes: 2", "track: extra", "---", ""]
    lines += [
        "<!-- Written by `python3 -m course generate`: do not edit. -->",
        "",
        "# Schedule",
        "",
    ]
    lines += [
        "The times stand at the head of each step page's source and are summed here."
        " *Core* is what everybody does; *extra* is for those who are ahead, or for a longer day."
        " The clocks below start when everybody's set-up works.",
        "",
        "| step | core | extra |",
        "| --- | ---: | ---: |",
    ]
    core = extra = 0
    for page, meta in pages:
        here = minutes(meta["sections"], "core"), minutes(meta["sections"], "extra")
        core, extra = core + here[0], extra + here[1]
        lines.append(f"| [{meta['title']}](../steps/{page.name}) | {here[0]} | {here[1]} |")
    lines.append(f"| **together** | **{core}** | **{extra}** |")
    first, later = pages[:HALF_A_DAY], pages[HALF_A_DAY:]
    lines += ["", f"## Half a day: steps 01 to {HALF_A_DAY:02}", "", *program(first)]
    if later:
        lines += ["", "## What follows on a longer day", "", *program(later)]
    lines += ["", "## Extra", "", "| what | minutes |", "| --- | ---: |"]
    for page, meta in pages:
        lines += [f"| {row} | {length} |" for row, length in rows(page, meta, "extra")]
    return "\n".join(lines) + "\n"


def program(pages: list[tuple[Path, dict]]) -> Iterator[str]:
    """A table of the core of these steps by the clock, and how long it all takes."""
    core = sum(minutes(meta["sections"], "core") for _, meta in pages)
    pauses = len(pages) - 1
    breaks = f" and {pauses} break{'s' if pauses > 1 else ''} of {BREAK} minutes" if pauses else ""
    yield f"{core} minutes of work{breaks}: {clock(core + BREAK * pauses)} hours."
    yield from ["", "| at | what | minutes |", "| ---: | --- | ---: |"]
    passed = 0
    for page, meta in pages:
        if page != pages[0][0]:
            yield f"| {clock(passed)} | *break* | {BREAK} |"
            passed += BREAK
        for row, length in rows(page, meta, "core"):
            yield f"| {clock(passed)} | {row} | {length} |"
            passed += length


def rows(page: Path, meta: dict, track: str) -> Iterator[tuple[str, int]]:
    """A link to each section of one track, and its minutes."""
    number = page.name[4:6]
    for section in meta["sections"]:
        if section["track"] == track:
            link = f"../steps/{page.name}#{anchor(section['heading'])}"
            yield f"{number}: [{section['heading']}]({link})", section["minutes"]


def schedule_page() -> Iterator[tuple[Path, str]]:
    """For course/generate.py."""
    yield PAGE, render()
