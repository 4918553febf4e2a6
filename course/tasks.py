"""A pytest plugin that runs a step's tasks only, in order, and reports them as JSON.

    @pytest.mark.task(title="Echo a text frame", hint="…", page="steps/step02_asgi/#echo")
    async def test_…

In a step that comes in parts, a task has part="A" as well, and --tasks-part=A runs that part's.
A test file that does not import hides its tasks; it is reported as a task that failed. So is a
task that never ends: a loop that awaits nothing new keeps every test's own time limit waiting.
"""

import asyncio
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest
from asgiref.testing import ApplicationCommunicator

BUSY_SECONDS = float(os.environ.get("TEST_BUSY_SECONDS", 20))  # of computing; waiting is no loop
MANY = 10_000  # frames that no test has read
LOOP = "Is there a loop that never awaits anything new?"


class TaskRun:
    """What came of each task."""

    def __init__(self, report: Path, part: str | None, stop_at_first_failure: bool):
        self.report = report
        self.part = part
        self.stop = stop_at_first_failure
        self.results: dict[str, dict] = {}
        self.running = ""  # the task that is; before the first, the files are being loaded
        self.busy_since = 0.0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file with tasks that could not be loaded is the first thing to mend."""
        path = Path(report.nodeid)
        if not (report.failed and path.is_file()):
            return
        text = path.read_text(encoding="utf-8")
        if "mark.task" in text and (self.part is None or f'part="{self.part}"' in text):
            self.results[report.nodeid] = {
                "test": report.nodeid,
                "title": f"Make {report.nodeid} load",
                "hint": "Python could not import the file, or something that it imports.",
                "page": "",
                "passed": False,
                "why": last_lines(report.longreprtext),
            }

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list) -> None:
        tasks = [item for item in items if self.is_task(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in tasks])
        items[:] = [] if self.stop and self.results else tasks
        for item in tasks:
            about = {**item.get_closest_marker("task").kwargs}
            about.pop("part", None)
            self.results[item.nodeid] = {"test": item.nodeid, **about, "passed": False, "why": ""}

    def is_task(self, item: pytest.Item) -> bool:
        mark = item.get_closest_marker("task")
        return mark is not None and self.part in (None, mark.kwargs.get("part"))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        task = self.results[report.nodeid]
        if report.when == "call" and report.passed:
            task["passed"] = True
        elif not report.passed:
            task["passed"] = False
            task["why"] = task["why"] or last_lines(report.longreprtext)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if self.stop and not self.results[nodeid]["passed"]:
            self.session.shouldstop = "the next task is found"

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running, self.busy_since = nodeid, time.process_time()

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session
        threading.Thread(target=self.end_a_loop, daemon=True).start()

    def pytest_sessionfinish(self) -> None:
        self.write_report()

    def write_report(self) -> None:
        self.report.write_text(json.dumps(list(self.results.values())), encoding="utf-8")

    def end_a_loop(self) -> None:
        """Report what computes without an end, and end it: nothing else can, from within."""
        while time.process_time() - self.busy_since < BUSY_SECONDS:
            time.sleep(0.2)
        if not self.report.exists():  # else it is a thread that was left behind
            loading = {"test": "tests", "title": "Make the tests load", "page": ""}
            loading["hint"] = "Python began to load a file, and does not come to its end."
            task = self.results.setdefault(self.running, loading)
            task["passed"] = False
            task["why"] = f"It did not end in {BUSY_SECONDS:g} s of computing:\n{where()}\n{LOOP}"
            self.write_report()
        os._exit(1)


def where() -> str:
    """The line that is run now: the innermost of the project; of its tests, if of nothing else."""
    here = Path.cwd()
    frames = sys._current_frames()
    del frames[threading.get_ident()]
    stacks = [reversed(traceback.extract_stack(frame)) for frame in frames.values()]
    lines = [line for stack in stacks for line in stack if here in Path(line.filename).parents]
    lines.sort(key=lambda line: here / "tests" in Path(line.filename).parents)
    return "".join(traceback.format_list(lines[:1])).rstrip()


class Unread(asyncio.Queue):
    """What an application sent and no test has read yet."""

    async def put(self, event: dict) -> None:
        """Refuse too many: who only sends never waits, and would fill the memory."""
        if self.qsize() >= MANY:
            raise RuntimeError(f"{MANY} frames were sent and none was read. {LOOP}")
        await super().put(event)


def refuse_floods() -> None:
    """Give each communicator a queue that says when it is too long."""

    def output_queue(self) -> Unread:
        if self._output_queue is None:
            self._output_queue = Unread()
        return self._output_queue

    ApplicationCommunicator.output_queue = property(output_queue)


def raise_at_once() -> None:
    """Let a communicator raise as soon as its application did.

    asgiref's waits out its timeout first, and a task that is not done yet fails just like that.
    """
    patient = ApplicationCommunicator.receive_output

    async def receive_output(self, timeout=1):  # noqa: ASYNC109 - asgiref's own signature
        output = asyncio.ensure_future(patient(self, timeout))
        await asyncio.wait([output, self.future], return_when=asyncio.FIRST_COMPLETED)
        raised = self.future.done() and not self.future.cancelled() and self.future.exception()
        if raised and not output.done() and self.output_queue.empty():
            output.cancel()
            await asyncio.wait([output])
            raise raised
        return await output

    ApplicationCommunicator.receive_output = receive_output


def last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-8:])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tasks-report", type=Path, help="where to write the JSON")
    parser.addoption("--tasks-part", help="only the tasks of this part")
    parser.addoption("--first-failure", action="store_true", help="stop at the first failure")


def pytest_configure(config: pytest.Config) -> None:
    raise_at_once()
    refuse_floods()
    options = [config.getoption(f"--{name}") for name in ("tasks-report", "tasks-part")]
    config.pluginmanager.register(TaskRun(*options, config.getoption("--first-failure")))
