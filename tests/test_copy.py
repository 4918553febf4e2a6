"""The house's promise: a step copied anywhere installs, migrates and passes its tests.

Its tests run in such a copy as often as `python3 -m course test --all` runs: course/suites.py.
"""

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
def test_the_last_step_installs_as_its_readme_says(tmp_path):
    copy = tmp_path / "my project"  # another name, and one with a space
    shutil.copytree(STEPS[-1], copy, ignore=NOT_COPIED)
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt", cwd=copy)
    run(python, "manage.py", "migrate", cwd=copy)
    run(python, "manage.py", "check", "--fail-level", "WARNING", cwd=copy)
