"""Make `.venv`, install the lock into it once, and go on inside it. Standard library only.

A stamp in `.venv` holds the hash of the lock that was installed; it is written after pip has
succeeded. So the second start installs nothing and needs no network, and a changed lock is
installed once more. A mark that is there only while pip runs tells the next start that an install
was cut off: it then makes the venv afresh.
"""

import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

from course.progress import run_showing_life

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
UNFINISHED = VENV / "course-unfinished"
LOG = VENV / "course-install.log"
NEWEST_TESTED = (3, 13)
AUTHORS_VERBS = {"record", "generate", "bench"}
COMMAND = "py -m course" if os.name == "nt" else "python3 -m course"

NO_NETWORK = (
    "NewConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "ProxyError",
    "NameResolutionError",
    "Connection refused",
    "Connection broken",
    "Temporary failure in name resolution",
    "getaddrinfo failed",
    "Read timed out",
    "(from versions: none)",  # all that pip says when it is told not to retry
)


class Failure(Exception):
    """What is wrong, and what to do about it: two sentences for the learner, no traceback."""


def main(arguments: list[str]) -> int:
    """Prepare the venv, then run the verb in it; the exit code is the verb's."""
    try:
        prepare(arguments)
        return go_on_inside(arguments)
    except Failure as failure:
        print(failure, file=sys.stderr)
    except KeyboardInterrupt:
        print(f"\nStopped. Start again with: {COMMAND} {' '.join(arguments)}", file=sys.stderr)
    except PermissionError as error:
        print(f"{read_only(error.filename or ROOT)}", file=sys.stderr)
    except OSError as error:
        print(f"{error.strerror or error}: {error.filename or VENV}", file=sys.stderr)
    return 1


def prepare(arguments: list[str]) -> None:
    """Bring `.venv` up to the locks this verb needs; does nothing when it already is."""
    locks = [ROOT / "requirements.txt"]
    if "--all" in arguments or AUTHORS_VERBS & set(arguments[:1]):
        locks.append(ROOT / "requirements-dev.txt")
    if VENV.exists() and not VENV.is_dir():
        raise Failure(f"{VENV} is a file, and the course needs a folder there.\nMove it away.")
    if UNFINISHED.exists() and not inside_venv():
        print("The last install was cut off: making the virtual environment afresh.")
        make_venv()
    elif not venv_works():
        make_venv()
    for lock in locks:
        if stamp_of(lock) != hash_of(lock):
            install(lock)


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


def install(lock: Path) -> None:
    """Install one lock with pip, each file checked against its hash, and leave the stamp."""
    first_page = ROOT / "docs" / "first.html"
    if stamp_of(lock) is None and lock.name == "requirements.txt" and first_page.exists():
        print(f"While this runs, open {first_page.as_uri()} in a browser: it needs no server.")
    UNFINISHED.write_text("pip is at work, or was cut off\n", encoding="utf-8")
    argv = [str(venv_python()), "-m", "pip", "install", "--require-hashes", "--no-input"]
    argv += ["--disable-pip-version-check", "--progress-bar", "off", "-r", str(lock)]
    total = sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())
    what = f"Installing {lock.name}, {total} packages"
    code, lines = run_showing_life(argv, what, "1 to 3 minutes", LOG)
    UNFINISHED.unlink()
    if code != 0:
        raise Failure(why_pip_failed(lock, lines))
    stamp_file(lock).write_text(hash_of(lock), encoding="utf-8")


def why_pip_failed(lock: Path, lines: list[str]) -> str:
    """pip's output as one sentence and its remedy."""
    text = "\n".join(lines)
    if any(sign in text for sign in NO_NETWORK):
        return (
            "pip could not reach the package index: no network, or a proxy in between.\n"
            "Connect (behind a proxy, set HTTPS_PROXY) and start again; only this install needs it."
        )
    if "No space left" in text:
        return f"The disk is full. Free about 300 MB, and start again ({VENV})."
    if "DO NOT MATCH THE HASHES" in text:
        return (
            f"A downloaded package is not the one {lock.name} names: its hash differs.\n"
            "Something between you and the package index changes files. Try another network."
        )
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-3:]
    return "pip could not install {}:\n{}\nThe whole output is in {}".format(
        lock.name, "\n".join(errors[-3:]), LOG
    )


def go_on_inside(arguments: list[str]) -> int:
    """Run the verb with the venv's Python, pass signals on, and return its exit code.

    Never os.execv: on Windows it gives the prompt back at once while the course still runs.
    """
    children: list[subprocess.Popen] = []

    def pass_on(number, frame):
        if not children:
            raise KeyboardInterrupt
        # A terminal sends Ctrl-C to the child as well; `kill -INT` sends it to this process only.
        if number != signal.SIGINT or not (sys.stdin and sys.stdin.isatty()):
            children[0].send_signal(number)

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), pass_on)
    argv = [str(venv_python()), "-m", "course.cli", *arguments]
    children.append(subprocess.Popen(argv, env={**os.environ, "PYTHONUTF8": "1"}))
    code = children[0].wait()
    return code if code >= 0 else 128 - code


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
