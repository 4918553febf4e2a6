"""The verbs of `python3 -m course`; runs inside the course's virtual environment."""

import asyncio
import sys
from typing import Annotated

import typer

from course.steps import CourseError

app = typer.Typer(
    help="Django Channels in six steps: serve them, test them, take them with you.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of the docs site.")] = 8080,
    step_port: Annotated[int, typer.Option(help="Step 1 is served one above this port.")] = 8000,
    only: Annotated[list[int] | None, typer.Option(help="Only this step; repeatable.")] = None,
) -> None:
    """Serve the docs, every step and your own work/ until Ctrl-C."""
    from course.serve import Serving

    asyncio.run(Serving(port, step_port, only or []).run())


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


def main() -> None:
    """Run a verb; what goes wrong is one clear message and exit code 1."""
    try:
        app(prog_name="course")
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
