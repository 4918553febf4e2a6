"""A small course for the tests of the course's own command: tiny steps and a docs site."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def make_house(folder: Path, *steps: Path) -> Path:
    """A tree with the real `course/`, a docs site of one page, and these projects as its steps."""
    made = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "course", folder / "course", ignore=made)
    for name in ("requirements.txt", "requirements-dev.txt", "requirements.in"):
        shutil.copy(ROOT / name, folder)
    shutil.copy(ROOT / "requirements-dev.in", folder)
    (folder / "docs").mkdir()
    (folder / "docs/index.md").write_text("# The docs\n", encoding="utf-8")
    (folder / "mkdocs.yml").write_text("site_name: A small course\n", encoding="utf-8")
    for number, step in enumerate(steps, start=1):
        copy = shutil.copytree(step, folder / f"step{number:02}_small")
        (copy / ".env.example").write_text("SECRET_KEY=change-me\n", encoding="utf-8")
    return folder


def course_argv(*arguments: str) -> list[str]:
    """The command as it goes on inside the virtual environment."""
    return [sys.executable, "-m", "course.cli", *arguments]


def course(house: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a verb in the house and wait for it; its suites load no plugin they do not use."""
    return subprocess.run(
        course_argv(*arguments),
        cwd=house,
        env={
            **os.environ,
            "PYTHONUTF8": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def free_ports() -> int:
    """A number such that it and the nine ports above it are free."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            base = first.getsockname()[1]
        if base + 9 < 65536 and all(is_free(base + above) for above in range(10)):
            return base


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
