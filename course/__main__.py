"""The way in: `python3 -m course <verb>`.

Any Python may read this file, however old, so it uses no newer syntax: it looks at the version
and hands over to course/bootstrap.py, or says in one sentence what to do.
"""
# ruff: noqa: UP030, UP032 - an f-string would be a syntax error to the Pythons this is for.

import os
import subprocess
import sys

OLDEST = (3, 11)


def newer_python():
    """The command of a Python that is new enough, if there is one on this machine."""
    ask = "import sys; sys.exit(sys.version_info < (3, 11))"
    launcher = ["py -3.13", "py -3.12", "py -3.11"]
    plain = ["python3.13", "python3.12", "python3.11"]
    for command in launcher if os.name == "nt" else plain:
        try:
            pipe = subprocess.PIPE
            found = subprocess.Popen(command.split() + ["-c", ask], stdout=pipe, stderr=pipe)
            found.communicate()
        except OSError:
            continue
        if found.returncode == 0:
            return command
    return None


if sys.version_info < OLDEST:
    command = newer_python()
    if command:
        remedy = "You have a newer one: " + " ".join([command, "-m course"] + sys.argv[1:])
    else:
        remedy = (
            "Install Python 3.13 from https://www.python.org/downloads/ and start again with it."
        )
    sys.stderr.write(
        "Python {0}.{1} is too old: the course needs Python 3.11 or newer.\n{2}\n".format(
            sys.version_info[0], sys.version_info[1], remedy
        )
    )
    sys.exit(1)

if __name__ == "__main__":
    from course.bootstrap import main

    sys.exit(main(sys.argv[1:]))
