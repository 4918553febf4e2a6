"""Each entry of the troubleshooting page has its test, and each of those tests its entry."""

import ast
import re

from conftest import ROOT, symptoms

FILES = [
    "tests/test_troubleshooting.py",
    "tests/test_troubleshooting_auth.py",
    "tests/step04/test_troubleshooting.py",
    "tests/step06/test_troubleshooting.py",
    "tests/browser/test_troubleshooting.py",
]


def reproduced_by(file: str) -> dict[str, str]:
    """Test ids by the entry they reproduce."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {
        node.name.removeprefix("test_").replace("_", "-"): f"{file}::{node.name}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_entries_and_tests_match_both_ways():
    reproduced = {name: test for file in FILES for name, test in reproduced_by(file).items()}
    assert set(symptoms()) == set(reproduced)
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    for name, test in reproduced.items():
        entry = page.split(f"{{#{name}}}")[1].split("\n### ")[0]
        assert f"Test: `{test}`" in entry, name
        wrong = re.findall(r'data-test="([^"]*)"', entry)
        assert set(wrong) <= {test}, name


def test_every_entry_says_why_and_what_to_do():
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    for name in symptoms():
        entry = page.split(f"{{#{name}}}")[1].split("\n### ")[0]
        assert entry.count("**Why.**") == 1 and entry.count("**Remedy.**") == 1, name
