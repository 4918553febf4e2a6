"""Keep programs running: restart what dies, restart on save, and leave no process behind."""

import asyncio
import os
import time
from collections.abc import Callable

from watchfiles import Change, PythonFilter, awatch

from course.program import Program, start, stop

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
ENDED = "ended ("  # how the line begins that says so
STEADY = 10.0  # seconds after which a program counts as started well


class LoadedOnce(PythonFilter):
    """What a server reads once: Django keeps a template that it found, and that it did not find.

    And a new folder: what was written into it before it was watched itself, nobody is told of.
    """

    def __call__(self, change: Change, path: str) -> bool:
        is_new_folder = change == Change.added and os.path.isdir(path)
        return super().__call__(change, f"{path}/it.py" if is_new_folder else path)


LOADED_ONCE = LoadedOnce(extra_extensions=(".html", ".txt", ".env"))


async def keep_running(program: Program, log: Callable[[str, str], None]) -> None:
    """Run the program until this task is cancelled; `log(name, line)` gets what it prints.

    One that dies is started again after a pause that doubles, so that a syntax error does not
    spin; a saved file starts it at once.
    """
    saved = asyncio.Event()
    pause = FIRST_PAUSE
    while True:
        saved.clear()
        started = time.monotonic()
        # With each start anew: a folder that was deleted and made again is another one to a watch.
        watcher = asyncio.create_task(watch(program, saved, log))
        try:
            why = await run_until(program, saved, log)
            if time.monotonic() - started > STEADY or saved.is_set():
                pause = FIRST_PAUSE
            if saved.is_set():
                log(program.name, "a file was saved: starting again")
                continue
            log(program.name, f"{ENDED}{why}): starting again in {pause:.0f} s, or on save")
            await first_of(asyncio.sleep(pause), saved.wait())
            pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            watcher.cancel()


async def run_until(program: Program, saved: asyncio.Event, log) -> str:
    """Run the program once, to its end or until a file is saved; returns why it ended."""
    try:
        process = await start(program)
    except OSError as error:  # its folder is gone, for one
        return f"not started: {error.strerror or error}: {error.filename or program.cwd}"
    printing = asyncio.create_task(print_lines(program, process, log))
    try:
        await first_of(process.wait(), saved.wait())
    finally:
        code = process.returncode
        await stop(process)
        await asyncio.wait([printing], timeout=1)
    return f"exit code {code}"


async def print_lines(program: Program, process: asyncio.subprocess.Process, log) -> None:
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:  # longer than the reader's limit, which asyncio then throws away
            line = b"(a line too long to show)"
        if not line:
            return
        log(program.name, line.decode("utf-8", "replace").rstrip())


async def watch(program: Program, saved: asyncio.Event, log) -> None:
    if program.watch:
        try:
            async for _ in awatch(program.watch, watch_filter=LOADED_ONCE):
                saved.set()
        except FileNotFoundError:
            pass  # the folder is gone, and `start` says so
        except OSError as error:  # Linux gives a user only so many watches
            log(program.name, f"files are not watched, restart by hand: {error}")


async def first_of(*waits) -> None:
    """Wait until one of them is done, and let go of the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
