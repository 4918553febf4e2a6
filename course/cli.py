"""The verbs of `python3 -m course`; runs inside the course's virtual environment."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from course.steps import COMMAND, DOCS_PORT, ROOT, STEP_PORT, WORK, CourseError, step

app = typer.Typer(
    help="Django Channels in six steps: serve them, test them, take them with you.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of the docs site.")] = DOCS_PORT,
    step_port: Annotated[
        int, typer.Option(help="Step 1 is served one above this port.")
    ] = STEP_PORT,
    only: Annotated[list[int] | None, typer.Option(help="Only this step; repeatable.")] = None,
    lan: Annotated[bool, typer.Option("--lan", help="The steps for the whole room, too.")] = False,
    address: Annotated[
        str | None, typer.Option(help="With --lan: this machine's, where it has several.")
    ] = None,
) -> None:
    """Serve the docs, every step and your own work/ until Ctrl-C."""
    from course.serve import Serving, lan_address

    if address and not lan:
        raise CourseError("--address is for --lan: say both, or neither.")
    room = lan_address(address) if lan else None
    asyncio.run(Serving(port, step_port, only or [], room).run())


@app.command()
def test(
    steps: Annotated[list[int] | None, typer.Argument(help="Only these steps.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Slow tests too; fail what cannot run.")
    ] = False,
) -> None:
    """Run the tests of every step, then those of the whole."""
    from course.suites import run_tests

    raise typer.Exit(asyncio.run(run_tests(steps or [], everything)))


@app.command()
def diff(
    old: Annotated[int, typer.Argument(metavar="A")],
    new: Annotated[int, typer.Argument(metavar="B")],
) -> None:
    """Show what step B changes against step A."""
    from course.diff import print_diff

    print_diff(step(old), step(new))


@app.command()
def copy(
    number: Annotated[int, typer.Argument(metavar="N")],
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
) -> None:
    """Copy step N into DIR as a project of your own, with a fresh secret key."""
    from course.copy import copy_step

    copy_step(step(number), folder)
    print(f"Step {number} is in {folder}, with a secret key of its own in .env.\n")
    if folder.resolve() == WORK:
        print(f"`{COMMAND} serve` serves it on http://127.0.0.1:8009/ and reloads what you save.")
        return
    if os.name == "nt":  # PowerShell runs no Activate.ps1 unless its policy was changed
        make, python = ["py -m venv .venv"], r".venv\Scripts\python"
    else:
        make, python = ["python3 -m venv .venv", "source .venv/bin/activate"], "python"
    use = ["-m pip install -r requirements.txt", "manage.py migrate", "-m pytest"]
    use += ["manage.py runserver"]
    for line in [f"cd {folder}", *make, *(f"{python} {arguments}" for arguments in use)]:
        print(f"  {line}")


@app.command()
def start(
    number: Annotated[int, typer.Argument(metavar="N")],
    part: Annotated[
        str | None, typer.Option(help="Only this part, of a step that has parts: A, B …")
    ] = None,
) -> None:
    """Begin to practise step N in work/: the code of the step before, the tests of this one."""
    from course.parts import parts_of
    from course.practice import start_practice

    chosen = start_practice(number, part)
    if chosen is None:
        print(f"work/ holds the code of step {number - 1} and the tests of step {number}.")
    else:
        names = [part.name for part in parts_of(number)]
        before = names[: names.index(chosen.name)]
        code = f"step {number} before part {chosen.name}" if before else f"step {number - 1}"
        print(f"Part {chosen.name} of step {number}: {chosen.title}.")
        print(f"work/ holds the code of {code} and the tests of step {number}.")
    print(f"The next task: {COMMAND} check")
    print(f"See it live: {COMMAND} serve, then http://127.0.0.1:8009/")


@app.command()
def check() -> None:
    """Name the next task in work/ that fails, with a hint."""
    from course.practice import check_practice

    done, text = check_practice()
    print(text)
    raise typer.Exit(0 if done else 1)


@app.command()
def generate(
    check: Annotated[bool, typer.Option("--check", help="Only fail if a page is stale.")] = False,
) -> None:
    """Write the docs pages that programs write."""
    from course.generate import stale_pages, write_pages

    pages = stale_pages() if check else write_pages()
    for page in pages:
        print(f"{'stale' if check else 'written'}: {page.relative_to(ROOT).as_posix()}")
    if check and pages:
        raise CourseError(f"Write them again: {COMMAND} generate")


@app.command()
def record(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Only these.")] = None,
) -> None:
    """Record the docs' wire traces and pictures again, from the running steps."""
    from course import record, screenshots

    pictures = [name for name in names or screenshots.PICTURES if name in screenshots.PICTURES]
    # A name may be both a trace's and a picture's; what is neither, `record` says.
    traces = [
        name for name in names or record.TRACES if name in record.TRACES or name not in pictures
    ]
    if traces:
        record.record(traces)
    if pictures:
        screenshots.take(pictures)


@app.command()
def doctor(
    port: Annotated[int, typer.Option(help="Port of the docs site.")] = DOCS_PORT,
    step_port: Annotated[int, typer.Option(help="As for `serve`.")] = STEP_PORT,
) -> None:
    """Say whether this machine is ready for the course; exit code 1 if it is not."""
    from course.doctor import examine

    if not examine(port, step_port):
        raise CourseError("Mend what says FAIL, and ask again.")
    print(f"Ready: {COMMAND} serve")


@app.command()
def bundle(
    target: Annotated[Path, typer.Argument(metavar="FILE")] = ROOT / "kit/channels-course.zip",
    system: Annotated[
        list[str] | None, typer.Option(help="windows, macos or linux; repeatable. Else all.")
    ] = None,
    python: Annotated[
        list[str] | None, typer.Option(help="Such as 3.12; repeatable. Else all three.")
    ] = None,
) -> None:
    """Pack the course and all packages it installs, for a room without internet."""
    from course import bundle

    bundle.bundle(target, system or [], python or [])
    size = target.stat().st_size / 1e6
    print(f"{target}, {size:.0f} MB. Unpack it, and start the course there as ever.")


@app.command()
def bench(
    rounds: Annotated[int, typer.Option(help="How often each figure is taken.")] = 3,
    seconds: Annotated[float, typer.Option(help="For each figure, each time.")] = 1.0,
) -> None:
    """Measure step 06, and write what docs/operate/measure.md shows (Linux, 20 minutes)."""
    from benchmarks import run, tables
    from course.needs import NEEDS

    if not sys.platform.startswith("linux"):
        raise CourseError("This reads /proc, and so needs Linux.")
    if NEEDS["redis"].missing():
        raise CourseError(f"This needs Redis: {NEEDS['redis'].debian}")
    run.main([f"--rounds={rounds}", f"--seconds={seconds}", f"--json={tables.REPORT}"])
    tables.write()


def main() -> None:
    """Run a verb; what goes wrong is one clear message and exit code 1."""
    try:
        app(prog_name=COMMAND)
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
