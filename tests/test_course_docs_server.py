"""The docs site that is served: the new one or the old one, and never half of one."""

import subprocess
from pathlib import Path

import pytest

from course import docs_server

PAGES = ("index.html", "steps.html")


@pytest.fixture
def build(tmp_path, monkeypatch):
    """`build("new")`: the docs are saved and built, each page with this text."""
    monkeypatch.setattr(docs_server, "CACHE", tmp_path)
    monkeypatch.setattr(docs_server, "SITE", tmp_path / "site")
    monkeypatch.setattr(docs_server, "STAMP", tmp_path / "site.stamp")

    def build(text: str) -> None:
        def mkdocs(argv, **options) -> subprocess.CompletedProcess:
            fresh = Path(argv[-1])
            fresh.mkdir(exist_ok=True)
            for name in PAGES:
                (fresh / name).write_text(text, encoding="utf-8")
            return subprocess.CompletedProcess(argv, 0)

        monkeypatch.setattr(docs_server.subprocess, "run", mkdocs)
        monkeypatch.setattr(docs_server, "fingerprint", lambda: text)
        docs_server.build_if_stale()

    return build


def served() -> list[str]:
    return [(docs_server.SITE / name).read_text(encoding="utf-8") for name in PAGES]


def test_what_is_left_of_an_old_site_is_in_nobodys_way(build, monkeypatch, tmp_path):
    """Windows deletes no file that is open: rmtree leaves it, and its folder."""
    build("first")
    with monkeypatch.context() as left:
        left.setattr(docs_server.shutil, "rmtree", lambda *arguments, **options: None)
        for text in ("second", "third"):
            build(text)
            assert served() == [text, text]
    build("fourth")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "site.stamp"]


@pytest.mark.parametrize("refused", ["site", "site.new"])
def test_the_old_site_is_served_until_the_new_one_can_take_its_place(
    build, monkeypatch, capsys, refused
):
    build("old")
    rename, pauses = Path.rename, []

    def rename_later(path: Path, target: Path) -> Path:
        if path.name == refused and len(pauses) < 2:
            raise PermissionError(13, "The process cannot access the file", str(path))
        return rename(path, target)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert served() == ["old", "old"]

    monkeypatch.setattr(Path, "rename", rename_later)
    monkeypatch.setattr(docs_server.time, "sleep", pause)
    build("new")
    assert served() == ["new", "new"]
    assert len(pauses) == 2
    assert capsys.readouterr().out.count("the old ones are in use") == 1
    build("newer")
    assert served() == ["newer", "newer"]
