"""What every step's settings make of the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STEPS = sorted(ROOT.glob("step0*"))
PROGRAM = """
from django.conf import settings
print(settings.DEBUG, settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
"""


def read(step: Path, **environment: str) -> subprocess.CompletedProcess:
    """Load a step's settings in a process that has only these variables."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=step,
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_nothing_set_is_development_and_a_key_ends_it(step):
    assert not (step / ".env").exists(), "a .env of yours would be read here"
    assert read(step).stdout.startswith("True ")
    own = {"SECRET_KEY": "a key", "ALLOWED_HOSTS": "localhost"}  # step 06 starts with both only
    assert read(step, **own).stdout.startswith("False ")
    assert read(step, SECRET_KEY="a key", DEBUG="True").stdout.startswith("True ")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_without_debug_a_key_must_be_given(step):
    refused = read(step, DEBUG="False")
    assert refused.returncode == 1
    assert "Set the SECRET_KEY environment variable" in refused.stderr


def test_no_two_steps_share_a_cookie():
    names = [name for step in STEPS for name in read(step).stdout.split()[1:]]
    assert len(names) == 2 * len(STEPS) == len(set(names))
