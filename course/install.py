"""Make `.venv` and install the lock into it, once. Standard library only.

A stamp in `.venv` holds the hash of the lock that was installed; it is written after pip has
succeeded. So the second start installs nothing and needs no network, and a changed lock is
installed once more. A mark that is there only while pip runs tells the next start that an install
was cut off: it then makes the venv afresh.
"""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course.pip_failures import why_pip_failed
from course.progress import run_showing_life
from course.steps import CACHE, COMMAND, ROOT

VENV = ROOT / ".venv"
UNFINISHED = VENV / "course-unfinished"
LOG = VENV / "course-install.log"
PLACE = VENV / "course-place"  # holds where the venv was made
WHEELS = ROOT / "wheels"  # in the offline kit: all that requirements.txt installs
NEWEST_TESTED = (3, 13)
AUTHORS_VERBS = {"record", "generate", "bench"}


class Failure(Exception):
    """What is wrong, and what to do about it: two sentences for the learner, no traceback."""


def prepare(arguments: list[str]) -> None:
    """Bring `.venv` up to the locks this verb needs; does nothing when it already is."""
    locks = [ROOT / "requirements.txt"]
    if "--all" in arguments or AUTHORS_VERBS & set(arguments[:1]):
        locks.append(ROOT / "requirements-dev.txt")
    if VENV.exists() and not VENV.is_dir():
        raise Failure(f"{VENV} is a file, and the course needs a folder there.\nMove it away.")
    if not UNFINISHED.exists() and venv_works() and not stale(locks):
        return
    with alone():
        if UNFINISHED.exists() and not inside_venv():
            print("The last install was cut off: making the virtual environment afresh.")
            make_venv()
        elif not venv_works():
            make_venv()
        for lock in stale(locks):
            install(lock)


def stale(locks: list[Path]) -> list[Path]:
    """The locks that are not installed as they are now."""
    return [lock for lock in locks if stamp_of(lock) != hash_of(lock)]


@contextmanager
def alone() -> Iterator[None]:
    """Hold the install lock; the system lets go of it when we end, however that is."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "install.lock", "w", encoding="utf-8") as lock:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Failure(
                f"Another `{COMMAND}` is installing into this folder.\n"
                "Wait until it is done, and start again."
            ) from error
        yield


def venv_works() -> bool:
    """Whether `.venv` is there, whole, and the Python it was made from still is."""
    settings = {}
    if not (VENV / "pyvenv.cfg").exists() or not venv_python().exists():
        return False
    for line in (VENV / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        settings[key.strip()] = value.strip()
    version = tuple(int(part) for part in settings.get("version", "3.11").split(".")[:2])
    if version < (3, 11):
        raise Failure(
            f"{VENV} was made with Python {settings['version']}, which is too old for the course.\n"
            "Delete that folder and start again."
        )
    return Path(settings.get("home", "")).exists()


def make_venv() -> None:
    """Make `.venv`, saying so."""
    if any(importlib.util.find_spec(module) is None for module in ("venv", "ensurepip")):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Failure(
            "This Python cannot make virtual environments: it lacks the module venv or ensurepip.\n"
            f"On Debian and Ubuntu: sudo apt install python{version}-venv. Then start again."
        )
    if sys.version_info[:2] > NEWEST_TESTED:
        print("This Python is newer than 3.13, the newest the course was tested with: going on.")
    argv = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    code, lines = run_showing_life(argv, "Making a virtual environment in .venv", "about 5 s")
    if code != 0:
        text = "\n".join(lines[-5:])
        if "Permission denied" in text or "Read-only" in text:
            raise Failure(read_only(VENV))
        raise Failure(f"The virtual environment {VENV} could not be made:\n{text}")
    PLACE.write_text(str(VENV), encoding="utf-8")


def say_if_moved() -> None:
    """A venv's own commands and its `activate` name the folder that it was made in."""
    place = Path(PLACE.read_text(encoding="utf-8")) if PLACE.exists() else VENV
    if place == VENV or (place.exists() and place.samefile(VENV)):
        return
    python = venv_python().relative_to(ROOT)
    print(
        f"This folder was moved: `{python} …` works, and activating .venv does not; delete .venv to"
        f" have it made anew{'' if WHEELS.is_dir() else ' (needs the network)'}.",
        file=sys.stderr,
    )


def install(lock: Path) -> None:
    """Install one lock with pip, each file checked against its hash, and leave the stamp."""
    first_page = ROOT / "docs" / "first.html"
    if stamp_of(lock) is None and lock.name == "requirements.txt" and first_page.exists():
        print(f"While this runs, open {first_page.as_uri()} in a browser: it needs no server.")
    UNFINISHED.write_text("pip is at work, or was cut off\n", encoding="utf-8")
    argv = [str(venv_python()), "-m", "pip", "install", "--require-hashes", "--no-input"]
    argv += ["--disable-pip-version-check", "--progress-bar", "off", "-r", str(lock)]
    from_kit = WHEELS.is_dir() and lock.name == "requirements.txt"
    if from_kit:
        argv += ["--no-index", "--find-links", str(WHEELS)]
    total = sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())
    what = f"Installing {lock.name}, {total} packages"
    code, lines = run_showing_life(argv, what, "1 to 3 minutes", LOG)
    UNFINISHED.unlink()
    if code != 0:
        raise Failure(why_pip_failed(lock, lines, LOG, WHEELS if from_kit else None))
    stamp_file(lock).write_text(hash_of(lock), encoding="utf-8")


def read_only(path) -> str:
    return (
        f"{path} cannot be written to.\n"
        "Copy the course into a folder of your own (or clone it there) and start again."
    )


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def inside_venv() -> bool:
    return VENV.exists() and os.path.samefile(sys.prefix, VENV)


def stamp_file(lock: Path) -> Path:
    return VENV / f"course-{lock.stem}.stamp"


def stamp_of(lock: Path) -> str | None:
    """The hash of the lock that was installed last, or None."""
    path = stamp_file(lock)
    return path.read_text(encoding="utf-8") if path.exists() else None


def hash_of(lock: Path) -> str:
    """The lock's hash; line ends do not count, since git on Windows changes them."""
    return hashlib.sha256(lock.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
