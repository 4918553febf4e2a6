"""The step's own suite once more, on PostgreSQL, and with layer and cache in Redis.

Not its attacks: what happens without a defence depends on what the server keeps its things in, and
they are written for the server that they start, with SQLite and in memory.
"""

import shutil
import subprocess
import sys

import pytest
from conftest import NOT_COPIED, OURS

from .conftest import STEP


@pytest.mark.slow
@pytest.mark.needs("redis")
@pytest.mark.needs("postgresql")
def test_the_steps_suite_with_redis_and_postgresql(redis, new_postgres, tmp_path):
    copy = tmp_path / STEP.name
    shutil.copytree(STEP, copy, ignore=NOT_COPIED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=short", "--ignore=tests/attacks"],
        cwd=copy,
        env={**OURS, "PYTHONUTF8": "1", "REDIS_URL": redis, "DATABASE_URL": new_postgres()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
