"""The commands on the pages are run, and what they print is what the page shows.

`…` alone on a line stands for any lines, within a line for any text. Everything runs in a copy of
the tree. Three things differ from a reader's terminal: `python3 -m course` skips the bootstrap (it
has tests of its own), `python` is the one that runs the tests, and a port is a free one.
"""

import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import NOT_COPIED, OURS, ROOT, Process
from pages import Fence, named, pages

from course.steps import all_steps

FENCES = [f for page in pages() for f in page.fences if f.language == "console"]
WHOLE_SUITE = ["$ python -m pytest -q", "…", "… passed in …"]  # of a step: `test` runs it anyway
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def commands(fence: Fence) -> list[tuple[str, list[str]]]:
    """Each command of a block with the output shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in fence.lines:
        if line.startswith("$ "):
            found.append((re.sub(r" {2,}# .*", "", line[2:]), []))
        elif line.strip() or (found and found[-1][1]):
            assert found, f"{fence.where}: output before the first command"
            found[-1][1].append(line.rstrip())
    return found


def pattern(shown: list[str]) -> str:
    """What the output must match in full."""
    while shown and not shown[-1]:
        shown = shown[:-1]
    parts = [
        r"(?:[^\n]*\n)*?" if line == "…" else re.escape(line).replace("…", r"[^\n]*") + r"[ \t]*\n"
        for line in shown
    ]
    return "".join(parts)


def argv(command: str) -> list[str]:
    """The command as this machine runs it."""
    words = shlex.split(command)
    if words[:3] in (["python3", "-m", "course"], ["py", "-m", "course"]):
        return [sys.executable, "-m", "course.cli", *words[3:]]
    assert words[0] == "python", f"not a command this test can run: {command}"
    return [sys.executable, *words[1:]]


def free_ports(number: int) -> int:
    """The first of `number` ports in a row of which none is taken now."""
    for first in range(20_000, 60_000, 100):
        try:
            for port in range(first, first + number):
                with socket.socket() as it:
                    it.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of what a reader has cloned."""
    copy = tmp_path_factory.mktemp("tree") / "course"
    copy.mkdir()
    for path in ROOT.iterdir():
        if path.name.startswith("step") or path.name in {"benchmarks", "course", "docs"}:
            shutil.copytree(path, copy / path.name, ignore=NOT_COPIED)
        elif path.is_file():
            shutil.copy(path, copy)
    return copy


@pytest.fixture
def beside(daphne):
    """`data-beside="runserver"`: the step's server runs in another terminal; its port."""

    def start(fence: Fence, cwd: Path) -> int | None:
        return daphne(cwd).port if fence.attribute("data-beside") == "runserver" else None

    return start


@pytest.mark.slow
@pytest.mark.parametrize("fence", [f for f in FENCES if f.lines != WHOLE_SUITE], ids=named)
def test_block_prints_what_it_shows(fence, tree, beside):
    cwd = tree / (fence.attribute("data-cwd") or ".")
    steps = commands(fence)
    assert steps, f"{fence.where}: a console block without a command"
    served = fence.attribute("data-serve") == "true"
    port = beside(fence, cwd)
    for command, shown in steps[:-1] if served else steps:
        if port:
            command = command.replace(":8000/", f":{port}/")
            shown = [line.replace(":8000", f":{port}") for line in shown]
        done = subprocess.run(
            argv(command),
            cwd=cwd,
            env={**OURS, "PYTHONUTF8": "1", "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=300,
        )
        output = ANSI.sub("", done.stdout).strip("\n") + "\n"
        if shown:
            assert re.fullmatch(pattern(shown), output), f"{fence.where}: {command}\n{output}"
        else:
            assert done.returncode == 0, f"{fence.where}: {command}\n{output}"
    if served:
        serve(steps[-1], cwd)


def serve(step: tuple[str, list[str]], cwd: Path) -> None:
    """Start a server that does not end by itself, and wait until it has said what is shown."""
    command, shown = step
    words = argv(command)
    if "runserver" in words:
        port = free_ports(1)
        words.append(f"127.0.0.1:{port}")
        shown = [line.replace(":8000/", f":{port}/") for line in shown]
    elif "serve" in words:
        first = free_ports(20)
        words += ["--step-port", str(first), "--port", str(first + 15)]
        shown = [re.sub(r"\b80(0\d)\b", lambda m: str(first + int(m[1])), line) for line in shown]
        shown = [line.replace("8080", str(first + 15)) for line in shown]
    lines = [line for line in shown if line not in {"…", ""}]
    server = Process(words, cwd, {"COLUMNS": "200", "NO_COLOR": "1"})
    try:
        expected = [re.escape(line).replace("…", r"[^\n]*") for line in lines]
        server.wait_for(r"[\s\S]*?".join(expected) or r"127\.0\.0\.1:\d+", 60)
    finally:
        server.stop()


def test_a_whole_suite_is_a_steps():
    """Those are not run here: each step's suite is, by itself, in a copy."""
    folders = [f.attribute("data-cwd") for f in FENCES if f.lines == WHOLE_SUITE]
    assert folders and set(folders) <= {step.path.name for step in all_steps()}


def test_a_block_that_lies_is_noticed():
    assert re.fullmatch(pattern(["one", "…", "th…e"]), "one\ntwo\nthree\n")
    assert not re.fullmatch(pattern(["one", "three"]), "one\ntwo\nthree\n")
    assert not re.fullmatch(pattern(["one"]), "one\ntwo\n")
