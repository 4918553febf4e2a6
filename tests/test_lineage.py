"""Step N starts as step N−1, but for what course/lineage.toml declares."""

from itertools import pairwise

import pytest

from course.lineage import Declaration, Difference, declaration, difference, disagreements, matches
from course.steps import Step, all_steps

PAIRS = list(pairwise(all_steps()))


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda step: step.name)
def test_steps_differ_as_declared(old, new):
    problems = disagreements(difference(old, new), declaration(new.number), new)
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda step: step.name)
def test_every_change_has_a_reason(old, new):
    assert all(why.strip() for why in declaration(new.number).changed.values())


@pytest.fixture
def steps(tmp_path) -> tuple[Step, Step]:
    """Two steps: one file is the same, one changed, one dropped, one added."""
    contents = ({"same": "a", "other": "b", "gone": "c"}, {"same": "a", "other": "B", "new/x": "d"})
    found = []
    for number, files in enumerate(contents, start=1):
        for name, text in files.items():
            path = tmp_path / f"step0{number}_x" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        found.append(Step(number, tmp_path / f"step0{number}_x"))
    (found[1].path / "db.sqlite3").write_bytes(b"made by running it")
    return found[0], found[1]


def test_difference(steps):
    assert difference(*steps) == Difference(["new/x.py"], ["other.py"], ["gone.py"])


def test_line_ends_are_no_difference(steps):
    (steps[0].path / "same.py").write_bytes(b"a\r\nb\r\n")
    (steps[1].path / "same.py").write_bytes(b"a\nb\n")
    assert difference(*steps).changed == ["other.py"]


def test_agreement(steps):
    declared = Declaration(["new/**"], {"other.py": "why"}, ["gone.py"])
    assert disagreements(difference(*steps), declared, steps[1]) == []


@pytest.mark.parametrize(
    ("declared", "file", "ways"),
    [
        (Declaration([], {"other.py": ""}, ["gone.py"]), "new/x.py", ("list it", "delete")),
        (Declaration(["new/x.py"], {}, ["gone.py"]), "other.py", ("list it", "the same")),
        (Declaration(["new/x.py"], {"other.py": ""}, []), "gone.py", ("list it", "copy gone.py")),
        (
            Declaration(["new/**"], {"other.py": "", "same.py": ""}, ["gone.py"]),
            "same.py",
            ("take it out", "or do to"),
        ),
    ],
)
def test_disagreement_names_the_file_and_both_ways_to_mend_it(steps, declared, file, ways):
    (problem,) = disagreements(difference(*steps), declared, steps[1])
    assert problem.startswith(file)
    assert all(way in problem for way in ways)


def test_globs():
    assert matches("echo/a/b.py", "echo/**")
    assert matches("echo/b.py", "echo/*.py")
    assert not matches("echo/a/b.py", "echo/*.py")
    assert not matches("echoes/b.py", "echo/**")
