"""`test`: every step's suite in its own process, then the root suite; what could not run."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from course.needs import NEEDS, PREFIX
from course.steps import BY_RUNNING, COMMAND, ROOT, Step, all_steps, step

# Slow from end to end, so they run under --all only, as parts of their own: the files, and which
# of their tests.
LONG = [
    ("tests/test_versions.py", "-k", "3.13"),
    ("tests/test_versions.py", "-k", "not 3.13"),
]

# A step's attacks take as long as the rest of its suite, and so does what kills servers: alone
# (`test 5`), or under --all.
ATTACKS = "tests/attacks"
BRIEFLY = [f"--ignore={ATTACKS}", "-m", "not slow"]

# Under --all a few that failed are run once more: a machine with three suites on it may stop for
# seconds, and one such stop in 5,000 tests says nothing of the code. The last lines name them.
FEW = 5

LONGEST = 15  # files that --all names: the first to look at when it takes too long

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Result:
    """What one suite came to."""

    name: str
    outcomes: dict[str, str] = field(default_factory=dict)  # test -> passed, failed or skipped
    second_try: list[str] = field(default_factory=list)  # tests that passed at it, not at once
    not_run: Counter = field(default_factory=Counter)  # what is missing -> tests skipped for it
    seconds: Counter = field(default_factory=Counter)  # of each file

    @property
    def counts(self) -> Counter:
        return Counter(self.outcomes.values())

    def failed(self) -> list[str]:
        return [test for test, outcome in self.outcomes.items() if outcome == "failed"]


async def run_suite(
    name: str, folder: Path, arguments: list[str], is_copied: bool, tries: int
) -> Result:
    """Run one pytest, print what it printed if it failed, and count its tests.

    A step that is copied first is held to the house's promise: its folder anywhere, its own
    requirements in a new environment, its tests.
    """
    result = Result(name)
    console.print(f"{name} ...")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        report, python, environment = Path(scratch, "report.xml"), sys.executable, None
        if is_copied:
            copying = asyncio.to_thread(copy_with_environment, folder, Path(scratch))
            try:
                folder, python, environment = await copying
            except subprocess.CalledProcessError as problem:
                console.print(f"{name}: its requirements could not be installed: {problem}")
                result.outcomes[f"{name}: its requirements"] = "failed"
                return result
        argv = [python, "-m", "pytest", "-q", "--tb=short", f"--junitxml={report}", *arguments]
        argv += ["-o", f"cache_dir={scratch}/cache"]
        code, output = await run_pytest(argv, folder, environment)
        count(report, result)
        if tries == 2 and 0 < len(failed := result.failed()) <= FEW:
            console.print(output, markup=False)
            code, output = await run_pytest([*argv, "--last-failed"], folder, environment)
            count(report, result)
            result.second_try = [test for test in failed if result.outcomes[test] == "passed"]
    if code not in (0, 5) and not result.counts["failed"]:
        # pytest itself broke: a conftest that does not import, say
        result.outcomes[f"{name}: pytest"] = "failed"
    if result.counts["failed"]:
        console.print(output, markup=False)
    took = time.monotonic() - started
    console.print(f"{name}: {in_words(result.counts)} in {took:.0f} s")
    return result


async def run_pytest(argv: list, folder: Path, environment: dict | None) -> tuple[int, str]:
    """Its exit code, and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    return process.returncode, output.decode("utf-8", "replace")


def copy_with_environment(step: Path, scratch: Path) -> tuple[Path, Path, dict[str, str]]:
    """A copy of a step, its own Python, and an environment with nothing of this project in it."""
    copy, environment = scratch / "my project", scratch / "venv"
    shutil.copytree(step, copy, ignore=shutil.ignore_patterns(*BY_RUNNING))
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "-p", sys.executable, environment], check=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    needed = copy / "requirements.txt"
    subprocess.run([*uv, "pip", "install", "-q", "-p", python, "-r", needed], check=True)
    ours = ("PYTEST", "DJANGO", "PYTHON", "VIRTUAL_ENV")
    return copy, python, {k: v for k, v in os.environ.items() if not k.startswith(ours)}


def count(report: Path, result: Result) -> None:
    """Read pytest's JUnit report; there is none when pytest did not get that far."""
    if not report.exists():
        return
    for case in ElementTree.parse(report).iter("testcase"):
        file = case.get("classname", "").replace(".", "/")
        test = f"{file}::{case.get('name')}"
        result.seconds[f"{result.name}: {file}"] += float(case.get("time", 0))
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.outcomes[test] = "failed"
        elif skipped is None:
            result.outcomes[test] = "passed"
        else:
            result.outcomes[test] = "skipped"
            reason = skipped.get("message", "")
            result.not_run[reason.removeprefix(PREFIX)] += 1


async def run_tests(numbers: list[int], everything: bool) -> int:
    """Run the suites asked for (all of them: no numbers); returns the exit code."""
    steps = [step(number) for number in numbers] or all_steps()
    left_out = [] if everything or numbers else [s for s in steps if (s.path / ATTACKS).exists()]
    suites = [(s.name, s.path, BRIEFLY if s in left_out else []) for s in steps]
    copied = {s.name for s in steps if everything and (s.path / "requirements.txt").exists()}
    if not numbers:
        long, others = parts(everything)
        options = ["--all"] if everything else []
        # The longest begin first, so that what is left at the end is short: the last step's suite
        # takes as long as any three others, and what is of a later step is longer than what is of
        # an earlier one.
        root = [(name, ROOT, [*files, *options]) for name, files in long + others]
        *earlier, last = suites
        of_steps = [*earlier, *(part for part in root if part[0].startswith("tests/step"))]
        of_steps.sort(key=lambda part: part[0].removeprefix("tests/")[: len("step06")])
        suites = [last, *(part for part in root if part not in of_steps), *reversed(of_steps)]
    # A suite waits a third of its time, and what --all adds more: for browsers and servers.
    lanes = asyncio.Semaphore(3 if everything else 2)

    async def one(name: str, folder: Path, arguments: list[str]) -> Result:
        async with lanes:
            is_copied, tries = name in copied, 2 if everything else 1
            return await run_suite(name, folder, arguments, is_copied, tries)

    total, not_run, seconds, second_try = Counter(), Counter(), Counter(), []
    for result in await asyncio.gather(*(one(*suite) for suite in suites)):
        total += result.counts
        not_run += result.not_run
        seconds += result.seconds
        second_try += [f"{result.name}: {test}" for test in result.second_try]
    if everything:
        console.print("\nThe longest files:")
        for name, took in seconds.most_common(LONGEST):
            console.print(f"  {took:4.0f} s  {name}", markup=False)
    if second_try:
        console.print("\nFailed at first (shown above), and passed when run again:")
    for test in second_try:
        console.print(f"  {test}", markup=False)
    print_not_run(not_run, left_out, browser=bool(numbers) or has_playwright())
    console.print(in_words(total))
    return 1 if total["failed"] or (everything and total["skipped"]) or not total["passed"] else 0


Part = tuple[str, list[str]]  # a name, and pytest's arguments
HALVES, QUARTERS = ("first", "second"), ("first", "second", "third", "last")


def parts(everything: bool) -> tuple[list[Part], list[Part]]:
    """The root suite in parts that run beside each other: what is long, and the others.

    The others: the browser's in two halves, the rest in quarters, each step's with its servers.
    """
    files = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/test_*.py"))
    long = [list(part) for part in LONG if everything and part[0] in files]
    files = [file for file in files if not any(file == part[0] for part in long)]
    folders = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("tests/step*/"))]
    browser = sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("tests/browser/test_*.py"))
    browser = browser if has_playwright() else []
    quarters = [(f"tests, {name} quarter", files[i::4]) for i, name in enumerate(QUARTERS)]
    halves = [(f"tests/browser, {half} half", browser[i::2]) for i, half in enumerate(HALVES)]
    others = [*halves, *quarters, *((folder, [folder]) for folder in folders)]
    others = [(name, files) for name, files in others if files]
    return [(" ".join(part), part) for part in long], others


def has_playwright() -> bool:
    """Whether the browser tests can be imported: a learner's lock holds no playwright."""
    return importlib.util.find_spec("playwright") is not None


def print_not_run(not_run: Counter, left_out: list[Step], browser: bool) -> None:
    """Name what could not run, with the command that makes it run."""
    lines = [] if browser else [f"tests/browser: {NEEDS['chromium'].install()}"]
    lines += [f"{s.name}: {ATTACKS}, and what is slow: {COMMAND} test {s.number}" for s in left_out]
    for name, number in sorted(not_run.items()):
        remedy = f": {NEEDS[name].install()}" if name in NEEDS else ""
        remedy = f": {COMMAND} test --all" if name == "slow" else remedy
        lines.append(f"{name} ({number} {'test' if number == 1 else 'tests'}){remedy}")
    if lines:
        console.print("\nNot run:")
    for line in lines:
        console.print(f"  {line}", markup=False)


def in_words(counts: Counter) -> str:
    words = f"{counts['passed']} passed, {counts['failed']} failed"
    return words + (f", {counts['skipped']} skipped" if counts["skipped"] else "")
