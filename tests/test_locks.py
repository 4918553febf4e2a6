"""The two locks: installable on every system and Python, and in step with the steps."""

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
STEPS = sorted(ROOT.glob("step0*"))
SYSTEMS = [
    "x86_64-pc-windows-msvc",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
]


def requirements(path: Path) -> list[Requirement]:
    """The lines of a requirements file that name a package, for this system."""
    lines = (
        line.partition("#")[0].rstrip(" \\\n") for line in path.read_text("utf-8").splitlines()
    )
    named = [Requirement(line) for line in lines if line and not line.startswith((" ", "-"))]
    return [wanted for wanted in named if not wanted.marker or wanted.marker.evaluate()]


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_finds_a_wheel_for_every_package(system, python, tmp_path):
    """Resolved from the index for that system, hashes required, no source distributions."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--require-hashes"]
    command += ["--only-binary", ":all:", "--target", str(tmp_path)]
    command += ["--python-platform", system, "--python-version", python]
    for lock in ("requirements.txt", "requirements-dev.txt"):
        resolved = subprocess.run(
            [*command, "-r", lock], cwd=ROOT, capture_output=True, encoding="utf-8"
        )
        assert resolved.returncode == 0, resolved.stderr


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_steps_own_requirements_allow_what_the_lock_installs(step):
    locked = {
        wanted.name: next(iter(wanted.specifier)).version
        for lock in ("requirements.txt", "requirements-dev.txt")
        for wanted in requirements(ROOT / lock)
    }
    for wanted in requirements(step / "requirements.txt"):
        assert wanted.name in locked, f"{step.name} needs {wanted.name}, which no lock installs"
        assert locked[wanted.name] in wanted.specifier, f"{wanted} but locked {locked[wanted.name]}"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_learners_lock_is_enough_for_a_steps_tests(step):
    """`test` and `check` run them with it. Celery is left out: the one test of it says so."""
    locked = {wanted.name for wanted in requirements(ROOT / "requirements.txt")}
    missing = {wanted.name for wanted in requirements(step / "requirements.txt")} - locked
    assert missing <= {"celery"}


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_has_a_hash_and_no_address(lock):
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    blocks = [block for block in text.split("\n") if "==" in block and not block.startswith("#")]
    assert blocks and all(block.endswith("\\") for block in blocks)
