"""One program under `course serve`: how it starts, and how all of it ends."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

GRACE = 3.0  # seconds a program has to stop by itself


@dataclass(frozen=True)
class Program:
    """A command to keep running, and the folder whose files it is restarted for."""

    name: str
    argv: list[str]
    cwd: Path
    env: dict[str, str] = field(default_factory=dict)
    watch: Path | None = None


async def start(program: Program) -> asyncio.subprocess.Process:
    """Start the program in a group of its own: Ctrl-C reaches only us, and we stop all of it."""
    windows = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return await asyncio.create_subprocess_exec(
        *program.argv,
        cwd=program.cwd,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **program.env},
        stdin=subprocess.PIPE,  # closes when we are killed: the programs watch it and end too
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        limit=2**20,
        **(windows if os.name == "nt" else {"start_new_session": True}),
    )


async def stop(process: asyncio.subprocess.Process) -> None:
    """End the program and whatever it started."""
    if os.name == "nt":
        kill = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        await asyncio.to_thread(subprocess.run, kill, capture_output=True)
    else:
        signal_group(process, signal.SIGTERM)
        await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=GRACE)
        signal_group(process, signal.SIGKILL)
    await process.wait()


def signal_group(process: asyncio.subprocess.Process, number: int) -> None:
    # Already gone; macOS says PermissionError for a group of zombies.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
