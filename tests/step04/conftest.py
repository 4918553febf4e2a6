"""A copy of the step with its own database, and the servers that all steps share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import NOT_COPIED, ROOT
from servers import (  # noqa: F401  fixtures
    manage,
    new_postgres,
    postgres_server,
    redis,
    redis_server,
    shared_redis,
)

STEP = ROOT / "step04_groups"
ROWS = """
from datetime import UTC, datetime
from django.contrib.auth.models import User
from alerts.models import Club, FitnessClass
from rooms.models import Room

User.objects.create_superuser("sam", password="sam")
Room.objects.create(name="lobby")
north, south = [Club.objects.create(name=name) for name in ("North", "South")]
for club, name in [(north, "yoga"), (north, "spinning"), (south, "boxing")]:
    starts_at = datetime(2026, 1, 5, 18, tzinfo=UTC)
    FitnessClass.objects.create(club=club, name=name, starts_at=starts_at)
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the step: migrated, with staff, a room, two clubs and their three classes."""
    copy = tmp_path_factory.mktemp("step04") / STEP.name
    shutil.copytree(STEP, copy, ignore=NOT_COPIED)
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--command", ROWS]):
        done = manage(copy, *arguments)
        assert done.returncode == 0, done.stderr
    return copy
