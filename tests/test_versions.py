"""The other Pythons of the course, where this machine has them: a venv each, and the suites."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course.suites import BRIEFLY
from tests.conftest import NOT_COPIED

ROOT = Path(__file__).resolve().parent.parent
STEPS = sorted(ROOT.glob("step0*"))


def version_of(python: str | Path) -> str:
    """`3.12` for an interpreter that runs; a pyenv shim without its version does not."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    asked = subprocess.run([python, "-c", program], capture_output=True, encoding="utf-8")
    return asked.stdout.strip()


def other_pythons() -> dict[str, Path]:
    """Interpreters of 3.11 to 3.13 on PATH or in pyenv, without the one that runs this."""
    found: dict[str, Path] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in ("3.11", "3.12", "3.13"):
        on_path = [Path(path)] if (path := shutil.which(f"python{version}")) else []
        in_pyenv = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
        for python in [*in_pyenv, *on_path]:
            if version_of(python) == version:
                found[version] = python
    found.pop(version_of(sys.executable), None)
    return found


STARTS = re.compile(r"\b(serve|Server|subprocess)\b")
PYTHONS = other_pythons()
__test__ = bool(PYTHONS)  # no other Python on this machine: nothing to collect


@pytest.fixture(scope="module", params=PYTHONS)
def python(request, tmp_path_factory) -> Path:
    """An environment of another Python, made from both locks."""
    environment = tmp_path_factory.mktemp(f"python{request.param}") / "venv"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "-p", PYTHONS[request.param], environment], check=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    for lock in ("requirements.txt", "requirements-dev.txt"):
        install = [*uv, "pip", "install", "-q", "--require-hashes", "-p", python, "-r", ROOT / lock]
        subprocess.run(install, check=True)
    return python


def run_suite(python: Path, cwd: Path, *options: str) -> None:
    """Run one suite and hold it to a summary line with passes and nothing else."""
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert re.search(r"^\d+ passed", done.stdout.splitlines()[-1]), done.stdout[-500:]


# Of the last step's tests each other Python takes every fourth.
SHARE = """
def pytest_collection_modifyitems(items):
    items[:] = items[{first}::4]
"""


@pytest.mark.slow
def test_the_last_steps_suite_passes_on_another_python(python, tmp_path):
    """The last holds most of the others' code. In a copy: its own suite may be running, too.

    Each other Python imports all its modules. Without the attacks, what is slow, and what starts
    servers: they are of what the step does, not of a Python.
    """
    copy = tmp_path / STEPS[-1].name
    shutil.copytree(STEPS[-1], copy, ignore=NOT_COPIED)
    share = SHARE.format(first=list(PYTHONS).index(version_of(python)))
    (copy / "share.py").write_text(share, encoding="utf-8")
    all_files = sorted(copy.glob("tests/test_*.py"))
    files = [path.relative_to(copy) for path in all_files if not STARTS.search(path.read_text())]
    run_suite(python, copy, *BRIEFLY, "-p", "share", *map(str, files))


@pytest.mark.slow
def test_the_course_command_works_on_another_python(python):
    """What it copies, and its tap. Pages and browsers know nothing of Pythons."""
    ours = [ROOT / f"tests/test_{name}.py" for name in ("course_copy", "tap")]
    run_suite(python, ROOT, "-m", "not slow", *map(str, ours))
