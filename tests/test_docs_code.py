"""Every line of code on a page is code that a test runs."""

import ast
import re

import pytest
from pages import ROOT, Fence, named, pages

# Typed by hand: drawings and output (text), and commands, which test_docs_console.py runs.
TYPED = {"text", "console"}
FENCES = [fence for page in pages() if not page.generated for fence in page.fences]
MARKED = {".py", ".js", ".html", ".css", ".conf", ".service"}
SECTION = r"--8<-- \[start:([\w-]+)\]"
SUFFIXES = {
    "python": {".py"},
    "js": {".js"},
    "javascript": {".js"},
    "html": {".html"},
    "django": {".html"},
    "css": {".css"},
    "toml": {".toml"},
    "ini": {".ini", ".example", ".service"},
    "nginx": {".conf"},
    "json": {".json"},
}


@pytest.mark.parametrize("fence", FENCES, ids=named)
def test_block_is_a_snippet_or_a_wrong_example_with_its_test(fence: Fence):
    if fence.wrong:
        assert names_a_test(fence.attribute("data-test") or ""), f"{fence.where}: which test?"
    elif fence.language not in TYPED:
        assert fence.language in SUFFIXES, f"{fence.where}: language {fence.language!r}"
        assert fence.snippets, f"{fence.where}: typed into the page, not taken from a section"
    elif fence.language == "text":
        assert "$ " not in {line[:2] for line in fence.lines}, f"{fence.where}: run it as console"


@pytest.mark.parametrize("fence", [f for f in FENCES if "--8<--" in f.body], ids=named)
def test_snippet_names_a_section_that_exists(fence: Fence):
    assert fence.snippets, f"{fence.where}: a whole file, or lines by number"
    for path, section in fence.snippets:
        assert (ROOT / path).suffix in SUFFIXES[fence.language], path
        text = (ROOT / path).read_text(encoding="utf-8")
        for end in ("start", "end"):
            assert text.count(f"--8<-- [{end}:{section}]") == 1, f"{path}: [{end}:{section}]"
        between = text.split(f"[start:{section}]")[1].split(f"[end:{section}]")[0]
        assert len(between.strip().splitlines()) > 1, f"{path}:{section} is empty"


def test_every_section_of_a_step_is_on_a_page():
    """A section that no page shows is clutter in a file that people read."""
    shown = {
        (path.split("/", 1)[1], section)
        for fence in FENCES
        for path, section in fence.snippets or []
        if path.startswith("step")
    }
    unused = []
    for step in ROOT.glob("step*_*"):
        for path in step.rglob("*"):
            if path.suffix in MARKED and path.is_file():
                for section in re.findall(SECTION, path.read_text(encoding="utf-8")):
                    if (path.relative_to(step).as_posix(), section) not in shown:
                        unused.append(f"{path.relative_to(ROOT)}:{section}")
    assert not unused


def names_a_test(node: str) -> bool:
    """Whether `tests/test_x.py::test_y` is a test of this tree (a parametrised one counts)."""
    file, _, function = node.partition("::")
    path = ROOT / file
    if not path.is_file():
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return function.split("::")[-1].split("[")[0] in names


def test_a_test_that_does_not_exist_is_noticed():
    assert names_a_test("tests/test_docs_code.py::test_a_test_that_does_not_exist_is_noticed")
    assert not names_a_test("tests/test_docs_code.py::test_no_such_thing")
