"""What a row of the recipes, or of a step's own table, tells to copy imports what the row names."""

import ast
import re

import pytest
from pages import DOCS, ROOT, Page

PAGE = Page(DOCS / "recipes/index.md")
ROWS = [line for line in PAGE.source.splitlines() if re.match(r"\| (?!I want)\w", line)]
# "`X` in `file`" is a part of it, "like `file`" a model: what the whole file imports is not needed.
FILE = re.compile(r"(?P<part>in |like )?`(?P<path>step\d\d_\w+/[\w/.]+)`")


def imported(path) -> set[str]:
    """The files of its own step that a file, or a folder's files, import, relative to the step."""
    if path.is_dir():
        files = [file for file in path.rglob("*.py") if "management" not in file.parts]
        return set().union(*map(imported, files))  # a command is loaded when it is run
    step = ROOT / path.relative_to(ROOT).parts[0]
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        names = re.findall(r'from "\./([\w.]+)"', text)
        return {(path.parent / name).relative_to(step).as_posix() for name in names}
    modules = set()
    for node in ast.walk(ast.parse(text)) if path.suffix == ".py" else ():
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    files = {f"{module.replace('.', '/')}.py" for module in modules}
    return {file for file in files if (step / file).exists()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_a_row_names_what_its_files_import(row):
    found = list(FILE.finditer(row.split("|")[2]))
    named = {match["path"].split("/", 1)[1] for match in found}
    for match in found:
        assert (ROOT / match["path"]).exists(), match["path"]
        if not match["part"]:
            application = {"config/asgi.py", "config/wsgi.py"}  # every project has its own
            assert imported(ROOT / match["path"]) <= named | application, match["path"]


def copied() -> list:
    """Each row of the steps' tables of what to copy, with its step's folder."""
    rows = []
    for page in sorted((DOCS / "steps").glob("step*.md")):
        table = re.search(r"^\| you need \| copy .*\n\|.*\n((?:\|.*\n)+)", Page(page).source, re.M)
        for row in table[1].splitlines():
            id = f"{page.stem[:6]}, {row.split('|')[1].strip()}"
            rows.append(pytest.param(ROOT / page.stem, row.split("|")[2], id=id))
    return rows


# What a step's row names lies in that step. "they stand on `x/`" names it too.
IN_STEP = re.compile(r"(?P<part>in |like )?`(?P<path>[\w/]+/(?:\w+\.\w+)?)`")


@pytest.mark.parametrize("step, row", copied())
def test_a_row_of_a_step_names_what_its_files_import(step, row):
    found = list(IN_STEP.finditer(row))
    named = [match["path"] for match in found] + ["config/asgi.py"]
    for match in found:
        path = step / match["path"]
        assert path.exists(), path
        if not match["part"]:
            left = {file for file in imported(path) if not file.startswith(tuple(named))}
            assert not left, f"{match['path']} stands on {sorted(left)}"


def test_rows_and_imports_are_found():
    assert len(ROWS) > 15
    assert len(copied()) > 30
    assert sum(bool(IN_STEP.search(row.values[1])) for row in copied()) > 28
    assert imported(ROOT / "step03_consumers/lifecycle/consumers.py") == {
        "echo/messages.py",
        "lifecycle/messages.py",
    }
    assert imported(ROOT / "step03_consumers/static/js/playground.js") == {"static/js/log.js"}
