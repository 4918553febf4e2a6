"""What of the step's own suite may differ on PostgreSQL, and with layer and cache in Redis.

Two runs side by side: with the hub what the features rest on; by Channels' own groups whatever
races threads. Not its attacks: what happens without a defence
depends on what the server keeps its things in, and they are written for the server that they start,
with SQLite and in memory. Nor what starts servers of its own.
"""

import re
import shutil
import subprocess
import sys

import pytest
from conftest import NOT_COPIED, OURS

from .conftest import STEP

NEITHER = {"challenges_server", "coalesce", "demo", "replay", "workouts_crash"}
FEATURES = (
    "challenges",
    "chat",
    "deletion",
    "feed",
    "form",
    "notifications",
    "the_end_of_a_right",
    "workouts",
)


def files(hub: str) -> list[str]:
    """The files of one of the two runs."""
    chosen = []
    for file in sorted(STEP.glob("tests/test_*.py")):
        name, text = file.stem.removeprefix("test_"), file.read_text(encoding="utf-8")
        has_sockets = "async def test_" in text
        races = re.search(r"Thread|threading|at_once", text) and not has_sockets
        is_chosen = has_sockets and name.startswith(FEATURES) if hub == "1" else races
        if name not in NEITHER and is_chosen:
            chosen.append(f"tests/{file.name}")
    return chosen


@pytest.mark.slow
@pytest.mark.needs("redis")
@pytest.mark.needs("postgresql")
def test_the_steps_suite_on_postgresql_and_redis_without_and_with_the_hub(
    redis, new_postgres, tmp_path
):
    runs = {}
    for number, hub in enumerate("01", 1):
        copy = tmp_path / hub / STEP.name
        shutil.copytree(STEP, copy, ignore=NOT_COPIED)
        shared = {"REDIS_URL": f"{redis.rpartition('/')[0]}/{number}", "REDIS_PREFIX": f"hub{hub}"}
        with (copy / "output").open("wb") as output:
            runs[hub] = (
                copy,
                subprocess.Popen(
                    [sys.executable, "-m", "pytest", "-q", "--tb=short", *files(hub)],
                    cwd=copy,
                    env={
                        **OURS,
                        **shared,
                        "PYTHONUTF8": "1",
                        "HUB": hub,
                        "DATABASE_URL": new_postgres(),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                ),
            )
    codes = {hub: run.wait() for hub, (_, run) in runs.items()}
    said = {hub: (copy / "output").read_text("utf-8", "replace") for hub, (copy, _) in runs.items()}
    for hub, code in codes.items():
        assert code == 0, said[hub]
        assert " passed" in said[hub]
