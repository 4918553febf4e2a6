"""`python3 -m course` on a bare machine: what it makes, and what it says when that fails."""

import ast
import base64
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course import bootstrap, install
from course.pip_failures import why_pip_failed
from tests.course_house import ROOT

STANDARD_LIBRARY_ONLY = ["__init__", "__main__", "bootstrap", "install", "pip_failures", "progress"]
STANDARD_LIBRARY_ONLY += ["steps"]
INSIDE = "import sys\nimport probe\nprint('inside', probe.VERSION, sys.argv[1:])\nsys.exit(7)\n"


def make_wheel(folder: Path, version: str) -> str:
    """A wheel of one module; returns its line for a lock."""
    wheel = folder / f"probe-{version}-py3-none-any.whl"
    info = f"probe-{version}.dist-info"
    files = {
        "probe.py": f"VERSION = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: probe\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        record.append(f"{name},sha256={digest.rstrip('=')},{len(text)}\n")
    files[f"{info}/RECORD"] = "".join(record) + f"{info}/RECORD,,\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return f"probe=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def bare_house(folder: Path) -> Path:
    """A tree with the bootstrap, a lock of one package, and a verb that shows what it was given."""
    (folder / "course").mkdir(parents=True)
    for name in STANDARD_LIBRARY_ONLY:
        shutil.copy(ROOT / f"course/{name}.py", folder / "course")
    (folder / "course/cli.py").write_text(INSIDE, encoding="utf-8")
    lock = make_wheel(folder / "index", "1.0")
    (folder / "requirements.txt").write_text(lock, encoding="utf-8")
    (folder / "docs").mkdir()
    (folder / "docs/first.html").write_text("<p>first", encoding="utf-8")
    return folder


def environment(**more: str) -> dict[str, str]:
    """Without this machine's own pip settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", **more}


def start(house: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "course", *arguments],
        cwd=house,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def packages(house: Path) -> dict[str, str]:
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(house / "index")}


def assert_clear(failed: subprocess.CompletedProcess, *words: str) -> None:
    """One message that names what is wrong, exit code 1, no traceback."""
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr
    for word in words:
        assert word in failed.stderr
    assert len(failed.stderr.strip().splitlines()) <= 5, failed.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """A house after its first start, and what that printed."""
    house = bare_house(tmp_path_factory.mktemp("bootstrap") / "house")
    return house, start(house, "serve", "--only", "3", **packages(house))


@pytest.fixture
def house(installed, tmp_path) -> Path:
    """A house of the test's own, installed as if it had been there."""
    house = shutil.copytree(installed[0], tmp_path / "house", symlinks=True)
    (house / ".venv/course-place").write_text(str(house / ".venv"), encoding="utf-8")
    return house


def test_first_start_installs_and_goes_on_inside(installed):
    house, first = installed
    assert "Making a virtual environment" in first.stdout
    assert (house / "docs/first.html").as_uri() in first.stdout
    assert "Installing requirements.txt, 1 packages (usually" in first.stdout
    assert "inside 1.0 ['serve', '--only', '3']" in first.stdout
    assert first.returncode == 7


def test_second_start_installs_nothing_and_needs_no_network(house):
    second = start(house, "test", PIP_INDEX_URL="http://127.0.0.1:9/")
    assert second.stdout == "inside 1.0 ['test']\n"
    assert second.returncode == 7


def test_moved_folder_is_told_that_activating_does_nothing(house):
    assert start(house, "test").stderr == ""
    moved = house.rename(house.with_name("moved"))
    for _ in range(2):
        second = start(moved, "test")
        assert second.stdout == "inside 1.0 ['test']\n"
        assert second.stderr.startswith("This folder was moved: `.venv")
        assert "delete .venv" in second.stderr
        assert len(second.stderr.splitlines()) == 1
    shutil.rmtree(moved / ".venv")
    assert start(moved, "test", **packages(moved)).stderr == ""
    assert start(moved, "test").stderr == ""


def test_changed_lock_is_installed_once_more(house):
    (house / "requirements.txt").write_text(make_wheel(house / "index", "2.0"), encoding="utf-8")
    assert "inside 2.0" in start(house, "test", **packages(house)).stdout
    assert start(house, "test").stdout == "inside 2.0 ['test']\n"


@pytest.mark.parametrize("arguments", [("test", "--all"), ("record",), ("bench",)])
def test_authors_verbs_install_the_second_lock(house, arguments):
    lock = make_wheel(house / "index", "3.0")
    (house / "requirements-dev.txt").write_text(lock, encoding="utf-8")
    assert "Installing requirements-dev.txt" in start(house, *arguments, **packages(house)).stdout
    assert "Installing" not in start(house, *arguments).stdout


@pytest.mark.parametrize("retries", ["0", "1"])
def test_no_network(house, retries):
    (house / "requirements.txt").write_text(make_wheel(house / "index", "4.0"), encoding="utf-8")
    closed = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": retries}
    failed = start(house, "serve", **closed)
    assert_clear(failed, "could not reach the package index", "start again")
    assert "inside 4.0" in start(house, "serve", **packages(house)).stdout


RETRIED = (
    "WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after "
    "connection broken by 'NewConnectionError(\"HTTPSConnection(host='pypi.org', port=443): Failed "
    "to establish a new connection: [Errno 111] Connection refused\")': /simple/django/"
)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (
            "ERROR: Could not install packages: [Errno 28] No space left on device: 'x'",
            "The disk is full",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have",
            "its hash differs",
        ),
        ("ERROR: No matching distribution found for probe==4.0", "could not install"),
        (
            "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host="
            "'files.pythonhosted.org', port=443): Read timed out.",
            "could not reach the package index",
        ),
    ],
)
def test_an_attempt_that_pip_repeated_is_not_why_it_failed(line, word):
    lines = [RETRIED, "Collecting django==5.2", line]
    assert word in why_pip_failed(Path("requirements.txt"), lines, Path("pip.log"))


def test_package_that_is_not_the_locked_one(house):
    make_wheel(house / "index", "5.0")
    lock = f"probe==5.0 --hash=sha256:{'0' * 64}\n"
    (house / "requirements.txt").write_text(lock, encoding="utf-8")
    assert_clear(start(house, "serve", **packages(house)), "its hash differs")


def test_lock_that_cannot_be_had(house):
    lock = f"probe==6.0 --hash=sha256:{'0' * 64}\n"
    (house / "requirements.txt").write_text(lock, encoding="utf-8")
    failed = start(house, "serve", **packages(house))
    assert_clear(failed, "could not install requirements.txt", "probe==6.0", "course-install.log")


NO_NETWORK = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}


def test_an_offline_kit_installs_from_its_own_wheels(tmp_path):
    house = bare_house(tmp_path / "house")
    (house / "index").rename(house / "wheels")
    first = start(house, "serve", **NO_NETWORK)
    assert "inside 1.0 ['serve']" in first.stdout, first.stderr
    moved = house.rename(house.with_name("moved"))
    assert "needs the network" not in start(moved, "serve").stderr


def test_an_offline_kit_for_another_system(tmp_path):
    house = bare_house(tmp_path / "house")
    (house / "wheels").mkdir()
    words = ("not made for this system", str(house / "wheels"), "Take another kit")
    assert_clear(start(house, "serve", **NO_NETWORK), *words)


def test_file_where_the_venv_belongs(tmp_path):
    house = bare_house(tmp_path / "house")
    (house / ".venv").write_text("not a folder", encoding="utf-8")
    assert_clear(start(house, "serve"), str(house / ".venv"), "Move it away")


@pytest.mark.slow
def test_venv_whose_python_is_gone_is_made_again(house):
    """As after an upgrade of the Python it was made from."""
    python = house / ".venv/bin/python"
    python.unlink()
    python.symlink_to(house / "gone")
    again = start(house, "test", **packages(house))
    assert "Making a virtual environment" in again.stdout
    assert "inside 1.0" in again.stdout


def test_read_only_folder(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(install, "CACHE", tmp_path / ".cache")
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "UNFINISHED", tmp_path / ".venv/course-unfinished")
    said = (1, ["Error: [Errno 13] Permission denied: '.venv'"])
    monkeypatch.setattr(install, "run_showing_life", lambda *arguments: said)
    assert bootstrap.main(["serve"]) == 1
    assert "cannot be written to" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="not run: holds the lock as POSIX systems do")
def test_second_start_while_the_first_installs(tmp_path):
    import fcntl

    house = bare_house(tmp_path / "house")
    (house / ".cache").mkdir()
    with (house / ".cache/install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert_clear(
            start(house, "serve"), "is installing into this folder", "Wait until it is done"
        )


def sitecustomize(folder: Path, code: str) -> dict[str, str]:
    """An environment in which Python runs this code first."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def test_python_without_venv(tmp_path):
    house = bare_house(tmp_path / "house")
    without = sitecustomize(tmp_path / "site", "import sys; sys.modules['ensurepip'] = None")
    assert_clear(start(house, "serve", **without), "ensurepip", "sudo apt install python3")
    assert not (house / ".venv").exists()


def test_python_too_old(tmp_path):
    house = bare_house(tmp_path / "house")
    old = sitecustomize(tmp_path / "site", "import sys; sys.version_info = (3, 8, 18)")
    assert_clear(start(house, "serve", **old), "Python 3.8 is too old", "3.11 or newer")


def test_old_pythons_can_read_what_tells_them_so():
    for name in ("__main__", "__init__"):
        ast.parse((ROOT / f"course/{name}.py").read_text(encoding="utf-8"), feature_version=(3, 4))


@pytest.mark.skipif(os.name == "nt", reason="not run: sends SIGINT, which Windows has not")
@pytest.mark.slow
def test_interrupted_install_recovers(house):
    """Ctrl-C while pip waits for an index that never answers."""
    (house / "requirements.txt").write_text(make_wheel(house / "index", "7.0"), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = subprocess.Popen(
            [sys.executable, "-m", "course", "serve"],
            cwd=house,
            env=environment(PIP_INDEX_URL=index),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        silent.settimeout(30)
        connection, _ = silent.accept()  # pip is at work
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
        connection.close()
    failed = subprocess.CompletedProcess([], process.returncode, out, err)
    assert_clear(failed, "Stopped. Start again with:")
    again = start(house, "test", **packages(house))
    assert "The last install was cut off" in again.stdout
    assert "inside 7.0" in again.stdout
