"""`bundle`: the course with the packages that it installs, for a room without internet."""

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

from course.docs_server import build
from course.install import WHEELS
from course.pip_failures import why_pip_failed
from course.progress import run_showing_life
from course.steps import BY_RUNNING, CACHE, ROOT, CourseError, all_steps

NAME = "channels-course"  # the folder that unpacking makes
LOCK = ROOT / "requirements.txt"
PARTS = [".ci", ".editorconfig", ".gitattributes", ".gitignore", ".pre-commit-config.yaml"]
PARTS += ["CONTRIBUTING.md", "LICENSE", "README.md", "benchmarks", "course", "docs", "mkdocs.yml"]
PARTS += ["pyproject.toml", "requirements-dev.in", "requirements-dev.txt", "requirements.in"]
PARTS += ["requirements.txt", "tests"]
# Where the lock asks for the third number (3.11.3, 3.11.5), one from before it and one from after.
PYTHONS = {"3.11": ["3.11.2", "3.11.9"], "3.12": ["3.12.9"], "3.13": ["3.13.9"]}


@dataclass(frozen=True)
class Machine:
    """A kind of laptop: what the lock's markers are compared with, and whose wheels pip takes."""

    system: str
    sys_platform: str
    processor: str
    tags: tuple[str, ...]

    def lock(self, python: str) -> list[str]:
        """The packages of the lock that count there, with hashes; pip cannot tell from here."""
        here = {"sys_platform": self.sys_platform, "platform_machine": self.processor}
        here |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
        here |= {"python_full_version": python, "python_version": python.rpartition(".")[0]}
        chosen = []
        for block in re.split(r"\n(?=\w)", LOCK.read_text(encoding="utf-8")):
            head, _, hashes = block.partition(" \\\n")
            name, _, marker = head.partition(" ; ")
            if "==" in name and (not marker or Marker(marker).evaluate(here)):
                chosen.append(f"{name} \\\n{hashes}\n")
        return chosen


# Of each the oldest that a wheel may be for: macOS 12, and a Linux of 2020.
MACHINES = [
    Machine("windows", "win32", "AMD64", ("win_amd64",)),
    Machine("macos", "darwin", "arm64", ("macosx_12_0_arm64",)),
    Machine("macos", "darwin", "x86_64", ("macosx_12_0_x86_64",)),
    Machine("linux", "linux", "x86_64", ("manylinux_2_28_x86_64", "manylinux2014_x86_64")),
    Machine("linux", "linux", "aarch64", ("manylinux_2_28_aarch64", "manylinux2014_aarch64")),
]
SYSTEMS = list(dict.fromkeys(machine.system for machine in MACHINES))


def bundle(target: Path, systems: list[str], pythons: list[str]) -> None:
    """Write the kit, a ZIP file, for these systems and Pythons; empty: for all of them."""
    for asked, known in ((systems, SYSTEMS), (pythons, list(PYTHONS))):
        for one in asked:
            if one not in known:
                raise CourseError(
                    f"There is no kit for {one}. There is one for {', '.join(known)}."
                )
    if target.suffix != ".zip":
        raise CourseError(f"{target} is no name for a kit: it has to end in .zip.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".kit") as scratch:
            packed = pack(Path(scratch), systems or SYSTEMS, pythons or list(PYTHONS))
            packed.replace(target)  # whole, or not at all
    except OSError as error:
        raise CourseError(f"{target} could not be written: {error.strerror or error}.") from error


def pack(scratch: Path, systems: list[str], pythons: list[str]) -> Path:
    """Make the ZIP file in a folder."""
    kit = scratch / NAME
    copy_course(kit)
    for machine in MACHINES:
        for python in pythons if machine.system in systems else ():
            fetch(machine, python, kit / WHEELS.name, scratch)
    if not build(kit / "site"):
        raise CourseError("The docs could not be built: see above. No kit was written.")
    return Path(shutil.make_archive(str(kit), "zip", scratch, NAME))


def copy_course(kit: Path) -> None:
    """What belongs to the course; nothing that was made by running it, nor what is yours."""
    kit.mkdir()
    for part in [*(ROOT / name for name in PARTS), *(step.path for step in all_steps())]:
        if part.is_dir():
            ignore = shutil.ignore_patterns(*BY_RUNNING)
            shutil.copytree(part, kit / part.name, ignore=ignore)
        elif part.exists():
            shutil.copy(part, kit)


def fetch(machine: Machine, python: str, wheels: Path, scratch: Path) -> None:
    """Download the packages of one kind of laptop, each checked against its hash."""
    fetched: list[str] = []
    for full_version in PYTHONS[python]:
        wanted = [each for each in machine.lock(full_version) if each not in fetched]
        fetched += wanted
        lock = scratch / "requirements.txt"
        lock.write_text("".join(wanted), encoding="utf-8")
        argv = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps"]
        argv += ["--disable-pip-version-check", "--progress-bar", "off", "--require-hashes"]
        argv += ["--only-binary", ":all:", "--implementation", "cp"]
        argv += ["--python-version", full_version, "--dest", str(wheels), "-r", str(lock)]
        argv += [word for tag in machine.tags for word in ("--platform", tag)]
        what = f"For {machine.system} ({machine.processor}) and Python {full_version}"
        CACHE.mkdir(exist_ok=True)
        log = CACHE / "bundle.log"
        code, lines = run_showing_life(argv, what, "10 s, longer the first time", log)
        if code != 0:
            raise CourseError(why_pip_failed(lock, lines, log))
