"""The browser, and a page that notices what a page must not do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import NOT_COPIED, with_quick_passwords
from playwright.sync_api import Browser, Page, expect, sync_playwright

from course.needs import chromium

HERE = Path(__file__).resolve().parent
expect.set_options(timeout=20_000)  # ms; a slow machine takes more than the five seconds it has
LOCAL = {"127.0.0.1", "localhost", ""}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs Chromium."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.needs("chromium"))


def manage(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    environment = {**os.environ, **with_quick_passwords(folder)}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> Callable[..., Path]:
    """`filled(STEP, "demo")`: a copy of a step, migrated, and what its command makes in it.

    A step is filled once, which takes longer than most tests, and each copy is made of that.
    """
    made: dict[Path, Path] = {}

    def copy(step: Path, *command: str) -> Path:
        if step not in made:
            made[step] = tmp_path_factory.mktemp("filled") / step.name
            shutil.copytree(step, made[step], ignore=NOT_COPIED)
            manage(made[step], "migrate", "--verbosity", "0")
            manage(made[step], *command)
        return shutil.copytree(made[step], tmp_path_factory.mktemp("copy") / step.name)

    return copy


# Not for the session: Playwright's sync API keeps an event loop running in this thread, and no
# async test could run after it.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page. The test fails if it asked another host or let an exception escape.

    `page.abroad` and `page.uncaught` hold what was noticed; a test that provokes some on purpose
    clears them.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    abroad: list[str] = []
    context.on(
        "request",
        lambda r: abroad.append(r.url) if urlsplit(r.url).hostname not in LOCAL | {None} else None,
    )
    page = context.new_page()
    page.abroad, page.uncaught = abroad, []
    page.on("pageerror", lambda error: page.uncaught.append(str(error)))
    yield page
    context.close()
    assert not abroad, f"asked another host: {abroad}"
    assert not page.uncaught, f"uncaught in the page: {page.uncaught}"
