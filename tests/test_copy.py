"""The house's promise: a step copied anywhere installs, migrates and passes its tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NOT_COPIED

ROOT = Path(__file__).resolve().parent.parent
STEPS = sorted(ROOT.glob("step0*"))


def run(python: Path, *arguments: str, cwd: Path) -> str:
    """Run a command of the copy with nothing of this project in its environment."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "DJANGO", "PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [python, *arguments], cwd=cwd, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_copied_step_works_on_its_own(step, tmp_path):
    copy = tmp_path / "my project"  # another name, and one with a space
    shutil.copytree(step, copy, ignore=NOT_COPIED)
    environment = tmp_path / "venv"
    by_pip = step == STEPS[-1]  # as the README says it; the others by uv, which is quicker
    uv = [sys.executable, "-m", "uv"]
    make = [sys.executable, "-m", "venv"] if by_pip else [*uv, "venv", "-q", "-p", sys.executable]
    subprocess.run([*make, environment], check=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    pip = [python, "-m", "pip", "install"] if by_pip else [*uv, "pip", "install", "-p", python]
    run(*pip, "--quiet", "-r", "requirements.txt", cwd=copy)
    run(python, "manage.py", "migrate", cwd=copy)
    run(python, "manage.py", "check", "--fail-level", "WARNING", cwd=copy)
    printed = run(python, "-m", "pytest", "-q", cwd=copy)

    assert " passed in " in printed
    assert "skipped" not in printed
