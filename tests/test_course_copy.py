"""`copy`: a clean project of one's own; tests/test_copy.py runs its tests in a fresh venv."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from course.cli import app
from course.copy import copy_step
from course.steps import CourseError, all_steps
from tests.course_house import ROOT, course, make_house

LEFT_BEHIND = ("db.sqlite3", "db.sqlite3-journal", ".env", "x.pyc", ".DS_Store")


@pytest.fixture
def house(tmp_path, project):
    """One small step in which somebody has been at work."""
    house = make_house(tmp_path / "house", project())
    step = house / "step01_small"
    for name in LEFT_BEHIND:
        (step / name).write_text("left behind", encoding="utf-8")
    for name in (".venv", "__pycache__", ".pytest_cache", "config/__pycache__"):
        (step / name).mkdir()
        (step / name / "file").write_text("left behind", encoding="utf-8")
    return house


def test_copy_is_clean_and_has_a_key_of_its_own(house, tmp_path):
    keys = set()
    for name in ("one", "two"):
        target = tmp_path / "of mine" / name
        target.parent.mkdir(exist_ok=True)
        copied = course(house, "copy", "1", str(target))
        assert copied.returncode == 0, copied.stderr
        assert "python manage.py migrate" in copied.stdout
        assert str(target) in copied.stdout
        keys.add((target / ".env").read_text(encoding="utf-8"))
        rest = [p for p in target.rglob("*") if p.is_file() and p.name != ".env"]
        assert not [p for p in rest if p.read_bytes() == b"left behind"]
        assert (target / "config/settings.py").exists()
        assert not list(target.parent.glob(".*"))
    assert len(keys) == 2
    assert all(key.startswith("SECRET_KEY=") and len(key) > 60 for key in keys)


def test_on_windows_nothing_is_activated(monkeypatch, tmp_path):
    """By default PowerShell runs no scripts, and Activate.ps1 is one."""
    monkeypatch.setattr("course.cli.os", SimpleNamespace(name="nt"))
    monkeypatch.setattr("course.copy.copy_step", lambda step, folder: None)
    said = CliRunner().invoke(app, ["copy", "1", str(tmp_path / "mine")]).stdout
    commands = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert commands == [
        f"cd {tmp_path / 'mine'}",
        "py -m venv .venv",
        r".venv\Scripts\python -m pip install -r requirements.txt",
        r".venv\Scripts\python manage.py migrate",
        r".venv\Scripts\python -m pytest",
        r".venv\Scripts\python manage.py runserver",
    ]


def test_copy_of_each_step_starts_with_its_key(tmp_path):
    """The key in .env is the one Django uses."""
    show = "from django.conf import settings; print(settings.SECRET_KEY)"
    for step in all_steps():
        target = tmp_path / step.name
        copy_step(step, target)
        printed = subprocess.run(
            [sys.executable, "-c", show],
            cwd=target,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True,
            text=True,
        )
        assert f"SECRET_KEY={printed.stdout}" in (target / ".env").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["marked.py", "nginx.conf", "pulse@.service"])
def test_copy_has_no_marks_of_the_docs_and_is_the_same_otherwise(house, tmp_path, name):
    code = "first = 1\n\n\n{}def shown():\n    return first\n{}"
    marks = "# --8<-- [start:shown]\n", "# --8<-- [end:shown]\n"
    marked = house / "step01_small/config" / name
    marked.write_text(code.format(*marks), encoding="utf-8")
    copy_step(all_steps(house)[0], tmp_path / "mine")
    mine = tmp_path / "mine/config" / name
    assert mine.read_text(encoding="utf-8") == code.format("", "")
    assert marked.read_text(encoding="utf-8") == code.format(*marks)


def test_copy_overwrites_nothing(house, tmp_path):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work", encoding="utf-8")
    refused = course(house, "copy", "1", str(target))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"{target} is not empty.")
    assert [p.name for p in target.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("target", ["step01_small/inside", "docs/index.md"])
def test_copy_refuses_a_folder_that_cannot_be_one(house, target):
    refused = course(house, "copy", "1", target)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert target in refused.stderr


def test_copy_names_the_steps_there_are(tmp_path):
    refused = course(ROOT, "copy", "99", str(tmp_path / "x"))
    assert refused.returncode == 1
    assert "There is no step 99. The steps here: 1" in refused.stderr


def test_copy_that_fails_leaves_no_half(house, tmp_path, monkeypatch):
    (house / "step01_small/.env.example").write_text("", encoding="utf-8")
    with pytest.raises(CourseError, match="no line SECRET_KEY"):
        copy_step(all_steps(house)[0], tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
