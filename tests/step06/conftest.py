"""A copy of the step, and the servers beside it."""

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

STEP = ROOT / "step06_fitness_app"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the step, as it is cloned."""
    copy = tmp_path_factory.mktemp("step06") / STEP.name
    return shutil.copytree(STEP, copy, ignore=NOT_COPIED)
