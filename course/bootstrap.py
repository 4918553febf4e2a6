"""Bring `.venv` up to date, and go on inside it. Standard library only."""

import os
import signal
import subprocess
import sys

from course.install import Failure, prepare, read_only, say_if_moved, venv_python
from course.steps import COMMAND, ROOT


def main(arguments: list[str]) -> int:
    """Prepare the venv, then run the verb in it; the exit code is the verb's."""
    try:
        prepare(arguments)
        say_if_moved()
        return go_on_inside(arguments)
    except Failure as failure:
        print(failure, file=sys.stderr)
    except KeyboardInterrupt:
        print(f"\nStopped. Start again with: {COMMAND} {' '.join(arguments)}", file=sys.stderr)
    except PermissionError as error:
        print(read_only(error.filename or ROOT), file=sys.stderr)
    except OSError as error:
        print(f"{error.strerror or error}: {error.filename or ROOT}", file=sys.stderr)
    return 1


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
