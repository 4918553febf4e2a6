"""`serve`: the docs site, the steps and the learner's own folder, in one log."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from course.steps import (
    COMMAND,
    DOCS_PORT,
    ROOT,
    STEP_PORT,
    WORK,
    WORK_NUMBER,
    CourseError,
    Step,
    all_steps,
    step,
)
from course.supervisor import ENDED, Program, keep_running

COLOURS = ["cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green"]
PATIENCE = 15.0  # seconds after which the links are printed even if something is not up
console = Console(highlight=False, soft_wrap=True)


class Serving:
    """One run of `serve`: what runs on which port, and the log."""

    def __init__(self, docs_port: int, step_port: int, only: list[int], lan: str | None = None):
        self.only, self.lan = only, lan  # lan: this machine's address, for whoever is in the room
        self.steps = [step(number) for number in only] if only else all_steps()
        self.work_port = step_port + WORK_NUMBER
        self.ports = {"docs": docs_port}
        self.ports |= {f"step {s.number}": step_port + s.number for s in self.steps}
        self.ports["work"] = self.work_port
        self.programs = [self.docs_program(docs_port, step_port)]
        self.programs += [self.step_program(f"step {s.number}", s.path) for s in self.steps]
        self.ended: set[str] = set()  # of the programs, those that did at least once
        self.linked = asyncio.Event()  # the links are printed
        self.members = [self.members_program(s) for s in self.steps if has_members(s)]

    def docs_program(self, port: int, step_port: int) -> Program:
        ports = [str(port), str(step_port)]
        return Program("docs", [sys.executable, "-m", "course.docs_server", *ports], ROOT)

    def step_program(self, name: str, folder) -> Program:
        argv = [sys.executable, "-m", "course.step_server", str(self.ports[name])]
        # From step 05 on a step asks whose page opens a socket: the docs' inspector is another's.
        docs = ",".join(
            f"http://{host}:{self.ports['docs']}" for host in ("127.0.0.1", "localhost")
        )
        environment = {"PYTHONPATH": str(ROOT), "WS_ALLOWED_ORIGINS": docs}
        if name != "work":  # the learner's own says so itself
            environment["DEMO"] = "1"
        if name != "work" and self.lan:
            argv.append(self.lan)
            environment["ALLOWED_HOSTS"] = f"127.0.0.1,localhost,{self.lan}"
            environment["COURSE_TAP"] = "off"  # nobody in the room watches anybody's connection
            del environment["WS_ALLOWED_ORIGINS"]  # it was for the tap
        return Program(name, argv, folder, environment, watch=folder)

    def members_program(self, step: Step) -> Program:
        """Those who are live in a step's demo: beside its server, in its part of the log."""
        name = f"step {step.number}"
        argv = [sys.executable, "-m", "course.step_members", str(self.ports[name])]
        return Program(name, argv, step.path, {"PYTHONPATH": str(ROOT)}, watch=step.path)

    def check_ports(self) -> None:
        """Fail before anything starts when a port is taken, or meant for two."""
        docs, last = self.ports["docs"], self.work_port
        for name, port in self.ports.items():
            if name != "docs" and port == docs:
                raise CourseError(
                    f"Port {docs} is meant for the docs and for {name}.\n"
                    f"Choose another --port: {last - 8} to {last} belong to the steps."
                )
        for name, port in self.ports.items():
            if is_taken(port) or (self.lan and is_taken(port, self.lan)):
                raise CourseError(
                    f"Port {port}, meant for {name}, is taken by another program.\n"
                    f"Stop it (another `serve`, perhaps), or move: {COMMAND} serve {self.moved()}"
                )

    def moved(self) -> str:
        """The options of this run, with ports that are free."""
        docs, steps = self.ports["docs"], self.work_port - WORK_NUMBER
        numbers = [port - steps for name, port in self.ports.items() if name != "docs"]
        while any(is_taken(steps + number) for number in numbers):
            steps += 100
        while docs - steps in numbers or is_taken(docs):
            docs += 1
        options = [f"--port {docs}"] if docs != DOCS_PORT else []
        options += [f"--step-port {steps}"] if steps != STEP_PORT else []
        options += [f"--lan --address {self.lan}"] if self.lan else []
        return " ".join(options + [f"--only {number}" for number in self.only])

    def log(self, name: str, line: str) -> None:
        if line.startswith(ENDED):
            self.ended.add(name)
        colour = COLOURS[list(self.ports).index(name) % len(COLOURS)]
        console.print(Text(f"{name:>7} | ", style=colour) + Text.from_ansi(line))

    async def run(self) -> None:
        """Run everything until Ctrl-C or SIGTERM."""
        self.check_ports()
        stopping = stop_on_signal()
        tasks = [asyncio.create_task(keep_running(p, self.log)) for p in self.programs]
        tasks.append(asyncio.create_task(self.print_links()))
        tasks += [asyncio.create_task(self.come_later(members)) for members in self.members]
        tasks.append(asyncio.create_task(self.follow_work()))
        console.print("Starting ...")
        await stopping.wait()
        console.print("Stopping ...")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        console.print("Stopped.")

    async def print_links(self) -> None:
        """Say where everything is as soon as it is up; what comes up later is said later."""
        names = [program.name for program in self.programs]
        waits = {asyncio.create_task(is_up(self.ports[n])): n for n in names}
        done, late = await asyncio.wait(waits, timeout=PATIENCE)
        console.print("\nOpen in a browser (Ctrl-C stops everything):\n")
        for task, name in waits.items():
            late_word = "not up, see above" if name in self.ended else "still starting"
            console.print(f"  {name:>7}  {self.link(name) if task in done else late_word}")
        if (WORK / "manage.py").exists():
            console.print(f"  {'work':>7}  {self.link('work')}  your own folder")
        else:
            hint = f"{COMMAND} copy {min(3, self.steps[-1].number)} work"
            console.print(f"  {'work':>7}  your own folder, to change things in: {hint}")
        if self.lan:
            console.print("\nFor the room, on the network:\n")
            for each in self.steps:
                name = f"step {each.number}"
                console.print(f"  {name:>7}  {self.link(name, self.lan)}")
        console.print()
        self.linked.set()
        for task in late:
            await task
            self.log(waits[task], f"up: {self.link(waits[task])}")

    async def come_later(self, members: Program) -> None:
        """Begin when the links are printed: what members do would scroll them away."""
        await self.linked.wait()
        await keep_running(members, self.log)

    def link(self, name: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.ports[name]}/"

    async def follow_work(self) -> None:
        """Serve the learner's own `work/` while it is there, whenever it appears."""
        running = served = None
        try:
            while True:
                there = identity(WORK)
                if running is not None and (there != served or running.done()):
                    if there is None:
                        self.log("work", "your own folder is gone")
                    await ended(running)
                    running = None
                if there is not None and running is None:
                    program = self.step_program("work", WORK)
                    running = asyncio.create_task(keep_running(program, self.log))
                    served = there
                    self.log("work", f"your own folder: {self.link('work')}")
                await asyncio.sleep(0.5)
        finally:
            if running is not None:
                await ended(running)


def identity(folder: Path) -> int | None:
    """A number for the project that is there: one that takes its place has another."""
    try:
        return folder.stat().st_ino if (folder / "manage.py").exists() else None
    except OSError:  # gone between the two
        return None


def has_members(step: Step) -> bool:
    """Whether a step's demo is somebody, and not only makes somebody."""
    return (step.path / "demo/members.py").exists()


async def ended(task: asyncio.Task) -> None:
    """End the task; what it may have died of does not reach us."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def stop_on_signal() -> asyncio.Event:
    """An event that Ctrl-C, SIGTERM and a closed terminal set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number, frame) -> None:
        loop.call_soon_threadsafe(stopping.set)

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            # Not loop.add_signal_handler: Windows' loop has none.
            signal.signal(getattr(signal, name), stop)
    return stopping


def lan_address(chosen: str | None) -> str:
    """This machine's address in the network: the chosen one, or that of its way to others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            if chosen:
                probe.bind((chosen, 0))
            else:
                probe.connect(("192.0.2.1", 9))  # RFC 5737: of nobody; and nothing is sent
        except OSError as error:
            what = f"{chosen} is no address of this machine" if chosen else "There is no network"
            raise CourseError(f"{what}: nobody else could reach it.") from error
        return probe.getsockname()[0]


def is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on the port already."""
    with socket.socket() as probe:
        if os.name == "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # macOS lets 127.0.0.1 be bound while 0.0.0.0 is in use, so ask by connecting as well.
            with suppress(OSError), socket.create_connection((host, port), timeout=1):
                return True
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


async def is_up(port: int) -> None:
    """Wait until somebody listens on the port; Daphne does so once the step is loaded."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
