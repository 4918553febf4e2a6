"""`test`: what it runs, what it counts, and what it says could not run."""

import subprocess
import sys

import pytest

from course.needs import Need
from course.steps import COMMAND
from tests.course_house import ROOT, course, make_house

INI = "[pytest]\nfilterwarnings = error\n"
PASSES = "def test_it():\n    pass\n"
FAILS = "def test_it():\n    assert 'the reason' == 'another'\n"
ROOT_INI = '[tool.pytest.ini_options]\naddopts = "-p course.needs --strict-markers"\n'
ROOT_INI += 'testpaths = ["tests"]\nmarkers = ["slow: takes long"]\n'
ROOT_TESTS = """
import os
import pytest


def test_of_the_whole():
    pass


@pytest.mark.slow
def test_slow():
    pass


@pytest.mark.needs("nginx")
def test_behind_nginx():
    pass
"""


@pytest.fixture
def house(tmp_path, project):
    """Two steps of one passing test each, and a root suite of three."""
    step = project(**{"pytest.ini": INI, "tests/test_it.py": PASSES})
    house = make_house(tmp_path / "house", step, step)
    (house / "pyproject.toml").write_text(ROOT_INI, encoding="utf-8")
    (house / "tests").mkdir()
    (house / "tests/test_whole.py").write_text(ROOT_TESTS, encoding="utf-8")
    return house


def run(house, *arguments: str):
    done = course(house, "test", *arguments)
    return done, done.stdout.splitlines()


def hide_nginx(house) -> None:
    """As on a machine without it, wherever the machine keeps it."""
    path = house / "course/needs.py"
    text = path.read_text(encoding="utf-8").replace('"nginx", ()', '"not-there-nginx", ()')
    path.write_text(text, encoding="utf-8")


def test_counts_in_the_last_line_and_what_could_not_run(house):
    hide_nginx(house)
    done, lines = run(house)
    assert done.returncode == 0, done.stdout
    assert any(line.startswith("step01_small: 1 passed, 0 failed") for line in lines)
    assert lines[-1] == "3 passed, 0 failed, 2 skipped"
    listed = lines[lines.index("Not run:") :]
    assert any("nginx" in line and "install nginx" in line for line in listed)
    assert f"  slow (1 test): {COMMAND} test --all" in listed


def test_all_runs_the_slow_and_fails_what_cannot_run(house):
    hide_nginx(house)
    done, lines = run(house, "--all")
    assert done.returncode == 1
    assert lines[-1] == "4 passed, 1 failed"
    assert "needs nginx" in done.stdout
    longest = lines[lines.index("The longest files:") :]
    assert any(line.endswith("tests, first quarter: tests/test_whole") for line in longest)


def test_failure_is_shown_and_makes_the_exit_code(house):
    (house / "step02_small/tests/test_it.py").write_text(FAILS, encoding="utf-8")
    done, lines = run(house, "1", "2")
    assert done.returncode == 1
    assert "'the reason' == 'another'" in done.stdout
    assert lines[-1] == "1 passed, 1 failed"


def test_suite_that_breaks_counts_as_failed(house):
    (house / "step01_small/tests/conftest.py").write_text("no Python", encoding="utf-8")
    done, lines = run(house, "1")
    assert done.returncode == 1
    assert "SyntaxError" in done.stdout
    assert lines[-1] == "0 passed, 1 failed"


def test_what_is_there_is_not_to_be_installed_again():
    """Who has the browser and no playwright need not install the browser."""
    without_package = Need(sys.executable, ("no_such_package",), "apt it", "brew it")
    assert without_package.missing()
    assert without_package.install() == f"{COMMAND} test --all"
    without_program = Need("no-such-program", (), "apt it", "brew it")
    assert without_program.missing()
    assert without_program.install() != f"{COMMAND} test --all"


def test_one_step(house):
    done, lines = run(house, "2")
    assert done.returncode == 0, done.stdout
    assert lines[-1] == "1 passed, 0 failed"
    assert "step01_small" not in done.stdout


def test_steps_run_without_the_course_on_their_path(house):
    """They must be complete without it."""
    (house / "step01_small/tests/test_it.py").write_text(
        "import importlib.util as it\n\n\ndef test_it():\n    assert not it.find_spec('course')\n",
        encoding="utf-8",
    )
    done, lines = run(house, "1")
    assert lines[-1] == "1 passed, 0 failed", done.stdout


def test_browser_tests_wait_for_playwright(house):
    """A learner's lock holds no playwright: the folder is left out, and said to be."""
    (house / "tests/browser").mkdir()
    (house / "tests/browser/test_page.py").write_text("import playwright\n", encoding="utf-8")
    without = "import sys; sys.modules['playwright'] = None"
    (house / "sitecustomize.py").write_text(without, encoding="utf-8")
    done = course(house, "test", PYTHONPATH=str(house))
    assert done.returncode == 0, done.stdout
    assert "  tests/browser: " in done.stdout


def test_a_steps_attacks_are_run_alone_or_under_all(house):
    """They take as long as all else of the step; left out, they are named."""
    (house / "step02_small/tests/attacks").mkdir()
    (house / "step02_small/tests/attacks/test_in.py").write_text(PASSES, encoding="utf-8")
    done, lines = run(house)
    assert any(line.startswith("step02_small: 1 passed, 0 failed") for line in lines), done.stdout
    named = f"  step02_small: tests/attacks, and what is slow: {COMMAND} test 2"
    assert named in lines[lines.index("Not run:") :]
    for arguments in (["2"], ["--all"]):
        done, lines = run(house, *arguments)
        assert any(line.startswith("step02_small: 2 passed, 0 failed") for line in lines)


def test_what_tests_a_step_with_servers_is_run_too(house):
    (house / "tests/step02").mkdir()
    (house / "tests/step02/test_it.py").write_text(FAILS, encoding="utf-8")
    done, lines = run(house)
    assert done.returncode == 1
    assert any(line.startswith("tests/step02: 0 passed, 1 failed") for line in lines)


def test_help_names_every_verb():
    done = subprocess.run(
        [sys.executable, "-m", "course.cli", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    for verb in ("serve", "test", "diff", "copy", "start", "check", "generate", "record"):
        assert f" {verb} " in done.stdout


def test_a_step_whose_requirements_cannot_be_installed_fails_and_the_others_run(house):
    (house / "step01_small/requirements.txt").write_text("./not-there\n", encoding="utf-8")
    done, lines = run(house, "--all")
    assert done.returncode == 1
    failed = [line for line in lines if line.startswith("step01_small: its requirements could not")]
    assert failed, done.stdout
    assert any(line.startswith("step02_small: 1 passed") for line in lines), done.stdout


ONCE = """
import pathlib


def test_passes():
    pass


def test_it():
    mark = pathlib.Path(__file__).with_name("mark")
    is_first = not mark.exists()
    mark.touch()
    assert not is_first, "a stall"
"""


def test_all_runs_what_failed_once_more_and_names_it(house):
    """And what fails again has failed."""
    hide_nginx(house)
    (house / "tests/test_once.py").write_text(ONCE, encoding="utf-8")
    (house / "step02_small/tests/test_it.py").write_text(FAILS, encoding="utf-8")
    done, lines = run(house, "--all")
    assert "a stall" in done.stdout
    named = lines[lines.index("Failed at first (shown above), and passed when run again:") + 1]
    assert named.endswith("quarter: tests/test_once::test_it")
    assert lines[-1] == "5 passed, 2 failed"  # step 02, and what needs nginx
    assert done.returncode == 1


def test_many_that_fail_are_no_stall(house):
    many = "import pytest\n\n\n@pytest.mark.parametrize('n', range(6))\ndef test_it(n):\n"
    many += ONCE[ONCE.index("    mark =") :].replace('"mark"', "f'mark{n}'")
    (house / "tests/test_once.py").write_text("import pathlib\n" + many, encoding="utf-8")
    done, lines = run(house, "--all")
    assert "passed when run again" not in done.stdout
    assert "6 failed" in done.stdout


def test_without_all_nothing_is_run_twice(house):
    (house / "step02_small/tests/test_it.py").write_text(ONCE, encoding="utf-8")
    done, lines = run(house, "2")
    assert done.returncode == 1
    assert lines[-1] == "1 passed, 1 failed"
