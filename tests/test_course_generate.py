"""`diff` and `generate`: what a step changes, in the terminal and as pages of the docs."""

import re

import pytest

from tests.course_house import ROOT, course, make_house

LINEAGE = '[step02]\nadded = ["config/new.py"]\n[step02.changed]\n"config/it.py" = "it is louder"\n'
LINEAGE += '"tests/test_it.py" = "so are its tests"\n'


@pytest.fixture
def house(tmp_path, project):
    """Two small steps: one file more, one changed, one changed test."""
    old = "# --8<-- [start:it]\nNAME = 'a'\n# --8<-- [end:it]\n"
    step = project(**{"config/it.py": old, "tests/test_it.py": "quiet = 1\n"})
    house = make_house(tmp_path / "house", step, step)
    second = house / "step02_small"
    (second / "config/it.py").write_text("NAME = 'A'\n", encoding="utf-8")
    (second / "config/new.py").write_text("NEW = 1\nNEWER = 2\n", encoding="utf-8")
    (second / "tests/test_it.py").write_text("loud = 1\n", encoding="utf-8")
    (house / "course/lineage.toml").write_text(LINEAGE, encoding="utf-8")
    return house


def test_diff_in_the_terminal(house):
    shown = course(house, "diff", "1", "2").stdout
    assert "added: 1 files\n  config/new.py\nchanged: 2 files\n  config/it.py\n" in shown
    assert "-NAME = 'a'\n+NAME = 'A'\n" in shown
    assert "--8<--" not in shown


def test_generated_diff_page(house):
    written = course(house, "generate")
    assert written.returncode == 0, written.stderr
    page = (house / "docs/steps/diff-01-02.md").read_text(encoding="utf-8")
    assert page.startswith("---\ntitle: What step 2 changes\n")
    assert "- `config/it.py`: it is louder" in page
    assert "- `config/new.py` (2 lines)" in page
    assert "-NAME = 'a'\n+NAME = 'A'\n" in page
    assert '??? note "tests/test_it.py"\n\n    ``````diff\n' in page
    assert "--8<--" not in page


def test_versions_page_shows_what_the_lock_holds(house):
    course(house, "generate")
    page = (house / "docs/versions.md").read_text(encoding="utf-8")
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    channels = re.search(r"^channels==(\S+)", lock, re.MULTILINE)[1]
    assert f"| channels | ~=4.3.0 | {channels} | the course |" in page


def test_check_names_the_stale_page(house):
    course(house, "generate")
    assert course(house, "generate", "--check").returncode == 0
    (house / "step02_small/config/it.py").write_text("NAME = 'B'\n", encoding="utf-8")
    stale = course(house, "generate", "--check")
    assert stale.returncode == 1
    assert stale.stdout == "stale: docs/steps/diff-01-02.md\n"
    assert "course generate" in stale.stderr


def test_pages_of_this_tree_are_fresh():
    fresh = course(ROOT, "generate", "--check")
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
