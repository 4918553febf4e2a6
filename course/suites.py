"""`test`: every step's suite in its own process, then the root suite; what could not run."""

import asyncio
import importlib.util
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from course.needs import NEEDS, PREFIX
from course.steps import COMMAND, ROOT, all_steps, step

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Result:
    """What one suite came to."""

    name: str
    counts: Counter = field(default_factory=Counter)
    not_run: Counter = field(default_factory=Counter)  # what is missing -> tests skipped for it


async def run_suite(name: str, folder: Path, arguments: list[str]) -> Result:
    """Run one pytest, print what it printed if it failed, and count its tests."""
    result = Result(name)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        argv = [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--junitxml={report}"]
        process = await asyncio.create_subprocess_exec(
            *argv,
            *arguments,
            cwd=folder,
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
        count(report, result)
    if process.returncode not in (0, 5) and not result.counts["failed"]:
        result.counts["failed"] += 1  # pytest itself broke: a conftest that does not import, say
    if result.counts["failed"]:
        console.print(output.decode("utf-8", "replace"), markup=False)
    took = time.monotonic() - started
    console.print(f"{name}: {in_words(result.counts)} in {took:.0f} s")
    return result


def count(report: Path, result: Result) -> None:
    """Read pytest's JUnit report; there is none when pytest did not get that far."""
    if not report.exists():
        return
    for case in ElementTree.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.counts["failed"] += 1
        elif skipped is None:
            result.counts["passed"] += 1
        else:
            result.counts["skipped"] += 1
            reason = skipped.get("message", "")
            result.not_run[reason.removeprefix(PREFIX)] += 1


async def run_tests(numbers: list[int], everything: bool) -> int:
    """Run the suites asked for (all of them: no numbers); returns the exit code."""
    steps = [step(number) for number in numbers] or all_steps()
    two = asyncio.Semaphore(2)  # a suite waits more than it computes

    async def one(name: str, folder: Path, arguments: list[str]) -> Result:
        async with two:
            return await run_suite(name, folder, arguments)

    results = await asyncio.gather(*(one(s.name, s.path, []) for s in steps))
    if not numbers:
        results.append(await run_suite("tests", ROOT, ["--all"] if everything else []))
    total, not_run = Counter(), Counter()
    for result in results:
        total += result.counts
        not_run += result.not_run
    if not numbers and importlib.util.find_spec("playwright") is None:
        not_run["chromium"] += 0
    print_not_run(not_run)
    console.print(in_words(total))
    return 1 if total["failed"] or (everything and total["skipped"]) or not total["passed"] else 0


def print_not_run(not_run: Counter) -> None:
    """Name what could not run, with the command that makes it run."""
    if not_run:
        console.print("\nNot run:")
    for name, number in sorted(not_run.items()):
        tests = f"{number} tests" if number else "all browser tests"
        if name == "slow":
            console.print(f"  {tests} that take long: {COMMAND} test --all")
        elif name in NEEDS:
            console.print(f"  {tests} that need {name}: {NEEDS[name].install()}")
        else:
            console.print(f"  {tests}: {name}", markup=False)


def in_words(counts: Counter) -> str:
    words = f"{counts['passed']} passed, {counts['failed']} failed"
    return words + (f", {counts['skipped']} skipped" if counts["skipped"] else "")
