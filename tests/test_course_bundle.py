"""`bundle`: the offline kit, what is in it and for whom, and that it needs no network."""

import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course.bundle import MACHINES, PARTS, copy_course, fetch
from course.install import WHEELS
from course.steps import all_steps
from tests.course_house import ROOT, course, make_house
from tests.test_course_bootstrap import NO_NETWORK, environment, make_wheel

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
WINDOWS, _, OLD_MAC, LINUX, _ = MACHINES


@pytest.fixture
def house(tmp_path, project):
    """A small course whose lock is one wheel, and in which somebody has been at work."""
    house = make_house(tmp_path / "house", project())
    (house / "requirements.txt").write_text(split(make_wheel(house / "index", "1.0")), "utf-8")
    (house / "step01_small/db.sqlite3").write_text("somebody's", encoding="utf-8")
    shutil.copytree(house / "step01_small", house / "work")
    return house


def split(line: str) -> str:
    """As uv writes a lock: each hash in a line of its own."""
    return line.replace(" --hash", " \\\n    --hash")


def bundle(house: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess:
    packages = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(house / "index")}
    return course(house, "bundle", *arguments, **(packages | more))


def names(machine, python: str) -> set[str]:
    return {package.partition(" ")[0] for package in machine.lock(python)}


def test_each_system_and_python_gets_what_its_markers_say():
    assert "autobahn==24.4.2" in names(OLD_MAC, "3.12.9")
    assert "autobahn==24.4.2" not in names(WINDOWS, "3.12.9") | names(LINUX, "3.12.9")
    assert "async-timeout==5.0.1" in names(LINUX, "3.11.2")
    assert "async-timeout==5.0.1" not in names(LINUX, "3.11.9")
    for machine in MACHINES:
        assert not [name for name in names(machine, "3.13.9") if ";" in name]


def test_a_kit_holds_all_that_belongs_to_the_course():
    there = {*PARTS, *(step.name for step in all_steps())}
    assert all((ROOT / name).exists() for name in there)
    if (ROOT / ".git").exists():  # not in a kit
        command = ["git", "ls-tree", "--name-only", "HEAD"]
        kept = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
        assert set(kept.stdout.split()) == there


def test_a_kit_has_the_packages_and_the_site_and_nothing_of_whoever_made_it(house):
    made = bundle(house, "kit.zip", "--system", "linux", "--python", "3.12")
    assert made.returncode == 0, made.stdout + made.stderr
    with zipfile.ZipFile(house / "kit.zip") as kit:
        inside = {name.removeprefix("channels-course/") for name in kit.namelist()}
    assert {"wheels/probe-1.0-py3-none-any.whl", "site/index.html"} <= inside
    assert {"requirements.txt", "course/__main__.py", "step01_small/manage.py"} <= inside
    assert not [name for name in inside if name.startswith(("work", ".cache", "index", "kit"))]
    assert not [name for name in inside if name.endswith((".sqlite3", ".pyc", ".env"))]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--system", "amiga"],
            "no kit for amiga. There is one for windows, macos, linux",
        ),
        (["--python", "3.9"], "no kit for 3.9. There is one for 3.11, 3.12, 3.13"),
        (["kit.tar"], "kit.tar is no name for a kit: it has to end in .zip"),
    ],
)
def test_what_there_is_no_kit_for(house, arguments, words):
    refused = bundle(house, *arguments)
    assert refused.returncode == 1
    assert words in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.parametrize("without", ["the network", "the docs"])
def test_a_kit_is_whole_or_not_there(house, without):
    (house / "kit.zip").write_text("the last one", encoding="utf-8")
    if without == "the docs":
        (house / "mkdocs.yml").write_text("theme: {name: none-such}\n", encoding="utf-8")
    closed = {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0", **NO_NETWORK}
    more = closed if without == "the network" else {}
    failed = bundle(house, "kit.zip", "--system", "linux", "--python", "3.12", **more)
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    said = {"the network": "could not reach the package index", "the docs": "No kit was written"}
    assert said[without] in failed.stderr
    assert (house / "kit.zip").read_text(encoding="utf-8") == "the last one"
    assert not list(house.glob(".kit*"))


def test_a_place_where_nothing_can_be_written(house):
    refused = bundle(house, "requirements.txt/kit.zip", "--system", "linux", "--python", "3.12")
    assert refused.returncode == 1
    assert refused.stderr.startswith("requirements.txt/kit.zip could not be written: ")


@pytest.mark.slow
def test_the_kit_of_the_course_starts_where_there_is_no_network(tmp_path):
    """The course itself with its packages for this machine: what the ZIP file would hold."""
    here = sys.platform, platform.machine()
    [machine] = [each for each in MACHINES if (each.sys_platform, each.processor) == here]
    kit = tmp_path / "channels-course"
    copy_course(kit)
    fetch(machine, PYTHON, kit / WHEELS.name, tmp_path)
    started = subprocess.run(
        [sys.executable, "-m", "course", "diff", "1", "2"],
        cwd=kit,
        env=environment(**NO_NETWORK, PIP_NO_CACHE_DIR="1"),
        capture_output=True,
        encoding="utf-8",
    )
    assert started.returncode == 0, started.stdout + started.stderr
    assert "Installing requirements.txt" in started.stdout
    assert sum(wheel.stat().st_size for wheel in (kit / WHEELS.name).iterdir()) < 100e6
