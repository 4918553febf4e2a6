"""A pytest plugin that runs a step's tasks only, in order, and reports them as JSON.

    @pytest.mark.task(title="Echo a text frame", hint="…", page="steps/step02_asgi/#echo")
    async def test_…

In a step that comes in parts, a task has part="A" as well, and --tasks-part=A runs that part's.
A test file that does not import hides its tasks; it is reported as a task that failed.
"""

import asyncio
import json
from pathlib import Path

import pytest
from asgiref.testing import ApplicationCommunicator


class TaskRun:
    """What came of each task."""

    def __init__(self, report: Path, part: str | None, stop_at_first_failure: bool):
        self.report = report
        self.part = part
        self.stop = stop_at_first_failure
        self.results: dict[str, dict] = {}

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

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session

    def pytest_sessionfinish(self) -> None:
        self.report.write_text(json.dumps(list(self.results.values())), encoding="utf-8")


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
    options = [config.getoption(f"--{name}") for name in ("tasks-report", "tasks-part")]
    config.pluginmanager.register(TaskRun(*options, config.getoption("--first-failure")))
