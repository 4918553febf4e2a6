"""What every page has: times, tracks, and on a step page the sections of TEACHING's pattern."""

import re

import pytest
import yaml
from pages import DOCS, ROOT, named, pages

from course.screenshots import PICTURES

CORE = {1: 20, 2: 45, 3: 70, 4: 85, 5: 60, 6: 30}
PAGES = pages()
STEPS = [page for page in PAGES if page.is_step]
CLOSING = [
    "A consumer lives as long as …",
    "The scope was fixed when …",
    "The browser learns why only if …",
]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_page_says_how_long_it_takes(page):
    assert page.meta.get("title")
    for part in page.meta["sections"] if page.is_step else [page.meta]:
        assert isinstance(part["minutes"], int) and part["minutes"] > 0
        assert part["track"] in {"core", "extra"}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_page_has_one_title_heading(page):
    assert len(page.headings(1)) == 1


@pytest.mark.parametrize("page", STEPS, ids=named)
def test_sections_are_the_headings_in_order(page):
    assert [part["heading"] for part in page.meta["sections"]] == page.headings(2)


@pytest.mark.parametrize("page", STEPS, ids=named)
def test_core_minutes_are_the_target(page):
    number = int(page.path.name[4:6])
    core = [part["minutes"] for part in page.meta["sections"] if part["track"] == "core"]
    assert sum(core) == CORE[number]


@pytest.mark.parametrize("page", STEPS, ids=named)
def test_step_page_keeps_the_pattern(page):
    assert page.meta["objectives"] and page.meta["needs"]
    for word in ("Lifecycle", "Scope", "Handshake"):
        assert any(word in heading for heading in page.headings(2)), f"no section on {word}"
    places = [page.source.index(sentence) for sentence in CLOSING]
    assert places == sorted(places)
    assert page.source.index(page.meta["sections"][-1]["heading"]) < places[0]
    assert '??? note "Speaker notes"' in page.source


@pytest.mark.parametrize("page", STEPS, ids=named)
def test_the_reader_sees_what_the_front_matter_promises(page):
    for promise in [*page.meta["objectives"], *page.meta["needs"]]:
        assert page.source.count(promise) == 2, promise


def test_every_step_has_its_page():
    steps = {path.name for path in ROOT.glob("step*_*") if (path / "manage.py").exists()}
    assert {page.path.stem for page in STEPS} == steps


def nav_pages(part) -> list[str]:
    if isinstance(part, str):
        return [part]
    parts = part.values() if isinstance(part, dict) else part
    return [page for inner in parts for page in nav_pages(inner)]


def test_every_page_is_in_the_navigation_once():
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(nav_pages(config["nav"])) == sorted(page.name for page in PAGES)


def test_configuration_is_what_both_builders_read():
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert config["plugins"] == ["search"]
    assert "hooks" not in config
    assert config["theme"]["font"] is False


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_windows_users_find_their_command(page):
    """A page that says `python3 -m course` says `py -m course` as well."""
    if "python3 -m course" in page.source and not page.generated:
        assert "py -m course" in page.source


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_pictures_come_in_pairs_with_a_text(page):
    """Light and dark, each with an alternative text, each file there and small."""
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)#]+)(#only-(?:light|dark))?\)", page.prose)
    for text, path, scheme in pictures:
        assert text and scheme, path
        other = path.replace("light", "dark") if scheme == "#only-light" else None
        assert other is None or any(p == other for _, p, _ in pictures), f"{path}: no dark one"
        file = (page.path.parent / path).resolve()
        assert file.is_relative_to(DOCS)
        assert file.stat().st_size < 200_000


def test_every_picture_is_shown_and_can_be_taken_again():
    shown = {
        name for page in PAGES for name in re.findall(r"screenshots/([\w-]+\.png)", page.prose)
    }
    there = {path.name for path in (DOCS / "assets/screenshots").iterdir()}
    taken = {f"{name}-{scheme}.png" for name in PICTURES for scheme in ("light", "dark")}
    assert shown == there == taken


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_column_of_a_table_has_a_heading(page):
    heads = re.findall(r"^ *(\|.*\|) *\n *\|[ :|-]+\| *$", page.prose, re.MULTILINE)
    assert not [head for head in heads if re.search(r"\| *\|", head)]


def test_who_is_told_to_activate_is_told_what_powershell_wants():
    """By default it runs no script, and `activate` is one there."""
    texts = [*ROOT.glob("step*/README.md"), *DOCS.rglob("*.md")]
    told = [path for path in texts if r"Scripts\activate" in path.read_text(encoding="utf-8")]
    for path in told:
        is_diff = path.name.startswith("diff-")  # parts of the READMEs
        assert is_diff or "Set-ExecutionPolicy" in path.read_text(encoding="utf-8"), path
    assert len(told) > 6
