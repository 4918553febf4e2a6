"""Both builders build the site, strictly, and every link in it leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pages import ROOT, named, pages

PAGES = pages()


class Links(HTMLParser):
    """The ids of a page and of its headings, what it links to, and what it loads."""

    def __init__(self, html: str):
        super().__init__()
        self.ids: set[str] = set()
        self.headings: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[key] for key in ("id", "name") if attrs.get(key)}
        if re.fullmatch("h[1-6]", tag) and attrs.get("id"):
            self.headings.add(attrs["id"])
        if tag == "a" and attrs.get("href") is not None:
            self.links.append(attrs["href"])
        if tag in {"script", "img", "source", "iframe"} and attrs.get("src"):
            self.loads.append(attrs["src"])
        if tag == "link" and attrs.get("href") and attrs.get("rel") != "canonical":
            self.loads.append(attrs["href"])


@pytest.fixture(scope="module")
def html(built_site) -> dict[Path, Links]:
    return {p: Links(p.read_text(encoding="utf-8")) for p in built_site.rglob("*.html")}


def target(site: Path, page: Path, link: str) -> Path:
    """The file a relative link means."""
    path = unquote(urlsplit(link).path)
    found = site / path.lstrip("/") if path.startswith("/") else page.parent / path
    found = page if not path else found.resolve()
    return found / "index.html" if found.is_dir() else found


def test_every_link_and_anchor_leads_somewhere(built_site, html):
    broken = []
    for page, links in html.items():
        for link in links.links + links.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            file = target(built_site, page, link)
            if not file.is_file():
                broken.append(f"{page.relative_to(built_site)}: {link}")
            elif (
                parts.fragment
                and not parts.fragment.startswith(("__", "only-"))
                and file in html
                and unquote(parts.fragment) not in html[file].ids
            ):
                broken.append(f"{page.relative_to(built_site)}: no such anchor {link}")
    assert not broken


def test_nothing_is_loaded_from_elsewhere(built_site, html):
    abroad = [
        f"{page.relative_to(built_site)}: {load}"
        for page, links in html.items()
        for load in links.loads
        if urlsplit(load).netloc
    ]
    assert not abroad
    for sheet in built_site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"""(?:@import|url\()\s*["']?(?:https?:)?//""", text), sheet.name


@pytest.mark.needs("zensical")
def test_zensical_builds_the_same_pages(built_site, tmp_path):
    """In a copy: zensical takes no option for where to build."""
    for name in (
        "docs",
        *(step.name for step in ROOT.glob("step*_*")),
        "course",
        "tests",
        "benchmarks",
    ):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.sqlite3*"))
    for name in ("mkdocs.yml", *(path.name for path in ROOT.glob("*.toml"))):
        shutil.copy(ROOT / name, tmp_path)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    assert built.returncode == 0, built.stdout
    ours = {p.relative_to(built_site) for p in built_site.rglob("*.html")}
    theirs = {p.relative_to(tmp_path / "site") for p in (tmp_path / "site").rglob("*.html")}
    assert ours <= theirs
    for page in ours:
        mkdocs, zensical = (
            Links((site / page).read_text(encoding="utf-8"))
            for site in (built_site, tmp_path / "site")
        )
        assert mkdocs.headings <= zensical.headings, page
        assert not [load for load in zensical.loads if urlsplit(load).netloc], page


FILE = re.compile(
    r"`((?:step\d\d_\w+|course|tests|docs)/[\w./-]*|requirements[\w.-]*|(?:mkdocs\.yml|pyproject\.toml))`"
)


@pytest.mark.parametrize("page", [p for p in PAGES if not p.generated], ids=named)
def test_every_file_a_page_names_is_there(page):
    """From the root, or on a step's page from the step."""
    homes = [ROOT, ROOT / page.path.stem] if page.is_step else [ROOT]
    named = FILE.findall(page.prose)
    assert not [name for name in named if not any((home / name).exists() for home in homes)]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_test_a_page_names_is_there(page):
    from test_docs_code import names_a_test

    for node in re.findall(r"`([\w/]+\.py::[\w\[\]-]+)`", page.prose):
        assert names_a_test(node), node
