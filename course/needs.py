"""A pytest plugin for the root tests: what they need besides Python packages.

`@pytest.mark.needs("chromium")` skips a test where that is not installed, and fails it under
`--all`. `@pytest.mark.slow` tests run under `--all` only. Either way the reason begins with
`not run:`, and `python3 -m course test` lists it with the command that installs what is missing.
"""

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from course.steps import COMMAND

PREFIX = "not run: "


@dataclass(frozen=True)
class Need:
    """A program some tests need, the Python packages that drive it, and how to install it."""

    program: str  # empty: the packages are all
    packages: tuple[str, ...]
    debian: str = ""
    mac: str = ""

    def missing(self) -> bool:
        return not self.has_program() or not all(map(importlib.util.find_spec, self.packages))

    def has_program(self) -> bool:
        return not self.program or bool(shutil.which(self.program) or self.in_debians_own_place())

    def in_debians_own_place(self) -> bool:
        """Debian keeps PostgreSQL's servers and, for most users, /usr/sbin off the PATH."""
        places = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/sbin")]
        return any((place / self.program).exists() for place in places)

    def install(self) -> str:
        """The command that installs what is not there; the packages come with `test --all`."""
        if self.has_program():
            return f"{COMMAND} test --all"
        if sys.platform == "darwin":
            command = self.mac
        elif os.name == "nt":
            command = "see its site (not run on Windows so far)"
        else:
            command = self.debian
        return f"{command}; then {COMMAND} test --all"


NEEDS = {
    "chromium": Need(
        "chromium", ("playwright",), "sudo apt install chromium", "brew install --cask chromium"
    ),
    "redis": Need("redis-server", (), "sudo apt install redis-server", "brew install redis"),
    "postgresql": Need(
        "initdb", ("psycopg",), "sudo apt install postgresql", "brew install postgresql"
    ),
    "tools": Need("", ("ruff", "djlint")),
    "celery": Need("", ("celery",)),
    "uvicorn": Need("", ("uvicorn",)),
    "zensical": Need("", ("zensical",)),
    "nginx": Need("nginx", (), "sudo apt install nginx", "brew install nginx"),
}


def chromium() -> str | None:
    """The browser that tests drive. Debian has it without a window too: half the work."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run slow tests; fail what cannot run")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(name): a program this test needs, see course/needs.py"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Browser tests import playwright, which a learner's lock does not hold."""
    without = importlib.util.find_spec("playwright") is None
    return True if without and collection_path.name == "browser" else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    everything = item.config.getoption("--all")
    if item.get_closest_marker("slow") and not everything:
        pytest.skip(f"{PREFIX}slow")
    for mark in item.iter_markers("needs"):
        if NEEDS[mark.args[0]].missing():
            if everything:
                pytest.fail(f"needs {mark.args[0]}: {NEEDS[mark.args[0]].install()}", pytrace=False)
            pytest.skip(f"{PREFIX}{mark.args[0]}")
