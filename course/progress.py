"""Run a long command and show, in one line, that it is alive. Standard library only."""

import subprocess
import sys
import threading
import time
from pathlib import Path


def run_showing_life(
    argv: list[str], what: str, usually: str, log: Path | None = None
) -> tuple[int, list[str]]:
    """Run `argv`; returns its exit code and output lines, which also go to `log`.

    On a terminal one line counts the seconds; elsewhere a line every 10 s does.
    """
    lines: list[str] = []
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")))
    reader.start()
    started = time.monotonic()
    print(f"{what} (usually {usually}) ...", flush=True)
    try:
        wait_showing(process, lines, started)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    finally:
        reader.join()
        process.stdout.close()
        if log:
            log.write_text("".join(lines), encoding="utf-8")
    took = time.monotonic() - started
    show(f"  {'done' if process.returncode == 0 else 'failed'} after {took:.0f} s", last=True)
    return process.returncode, [line.rstrip() for line in lines]


def wait_showing(process: subprocess.Popen, lines: list[str], started: float) -> None:
    """Wait for the process to end, showing what it is doing."""
    every = 0.5 if sys.stdout.isatty() else 10
    while True:
        try:
            process.wait(timeout=every)
            return
        except subprocess.TimeoutExpired:
            show(f"  {time.monotonic() - started:3.0f} s  {doing(lines)}")


def doing(lines: list[str]) -> str:
    """What pip is at, from its latest lines."""
    fetched = [line.split()[1] for line in lines if line.startswith("Collecting ")]
    if any(line.startswith("Installing collected") for line in lines[-3:]):
        return f"{len(fetched)} packages fetched, unpacking them"
    return f"{len(fetched)} packages fetched, now {fetched[-1]}" if fetched else "starting"


def show(text: str, last: bool = False) -> None:
    """Print `text`; on a terminal, over the line before."""
    if sys.stdout.isatty():
        print(f"\r{text[:78]:<78}", end="\n" if last else "", flush=True)
    else:
        print(text, flush=True)
