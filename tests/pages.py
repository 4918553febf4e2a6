"""The docs pages as the tests read them: front matter, headings, fenced blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
GENERATED = "<!-- Written by `python3 -m course generate`"
SNIPPET = re.compile(r'^--8<-- "([^":]+):([^":]+)"$')

# A fence opens with three or more backticks, at any indentation: admonitions and tabs indent.
FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)(?P=ticks) *$",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Fence:
    """A fenced block: its language, its classes and attributes, its lines without indentation."""

    page: Page
    line: int
    info: str
    body: str

    @property
    def language(self) -> str:
        return re.match(r"\{? *\.?([\w+-]*)", self.info)[1]

    @property
    def wrong(self) -> bool:
        return ".wrong" in self.info

    def attribute(self, name: str) -> str | None:
        found = re.search(rf'{name}="([^"]*)"', self.info)
        return found[1] if found else None

    @property
    def lines(self) -> list[str]:
        return self.body.splitlines()

    @property
    def snippets(self) -> list[tuple[str, str]] | None:
        """Path and section of each line, or None if anything else is typed."""
        found = [SNIPPET.match(line) for line in self.lines if line.strip()]
        return [(m[1], m[2]) for m in found] if found and all(found) else None

    @property
    def where(self) -> str:
        return f"{self.page.name}:{self.line}"


@dataclass
class Page:
    """One Markdown file below docs/."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(DOCS).as_posix()

    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def meta(self) -> dict:
        """The front matter."""
        found = re.match(r"---\n(.*?)\n---\n", self.source, re.DOTALL)
        return yaml.safe_load(found[1]) if found else {}

    @property
    def generated(self) -> bool:
        return GENERATED in self.source

    @property
    def is_step(self) -> bool:
        return bool(re.match(r"steps/step\d\d_", self.name))

    @cached_property
    def fences(self) -> list[Fence]:
        return [
            Fence(
                self,
                self.source.count("\n", 0, found.start()) + 1,
                found["info"].strip(),
                re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE),
            )
            for found in FENCE.finditer(self.source)
        ]

    @cached_property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        return FENCE.sub("", self.source)

    def headings(self, level: int) -> list[str]:
        """The headings of one level, without markup."""
        found = re.findall(rf"^#{{{level}}} +(.+?) *(?:\{{[^}}]*\}})? *$", self.prose, re.MULTILINE)
        return [re.sub(r"[`*]", "", heading) for heading in found]


def pages() -> list[Page]:
    return [Page(path) for path in sorted(DOCS.rglob("*.md"))]


def named(page: Page | Fence) -> str:
    """A test's id for a page or a fence."""
    return page.where if isinstance(page, Fence) else page.name
