"""Step 04's alerts in a browser: a guest who picks a class, and staff who announce."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import NOT_COPIED, ROOT, start_daphne
from playwright.sync_api import Page, expect

STEP = ROOT / "step04_groups"
ROWS = """
from datetime import UTC, datetime
from django.contrib.auth.models import User
from alerts.models import Club, FitnessClass

User.objects.create_superuser("sam", password="sam")
north = Club.objects.create(name="North")
for name in ("Yoga", "Spinning"):
    starts_at = datetime(2026, 1, 5, 18, tzinfo=UTC)
    FitnessClass.objects.create(club=north, name=name, starts_at=starts_at)
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of a server of the step, with staff, a club and two classes."""
    copy = tmp_path_factory.mktemp("step04") / STEP.name
    shutil.copytree(STEP, copy, ignore=NOT_COPIED)
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", ROWS]):
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=copy, check=True, stdin=subprocess.DEVNULL)
    # The tap serves the static files too.
    server = start_daphne(copy, application="course.tap:application", env={"PYTHONPATH": str(ROOT)})
    yield server.http()
    server.stop()


@pytest.fixture
def staff(browser, url):
    """Sam's browser, logged in, on the alerts' page."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(f"{url}admin/login/?next=/alerts/")
    page.get_by_label("Username").fill("sam")
    page.get_by_label("Password").fill("sam")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Announce", exact=True)).to_be_visible()
    yield page
    context.close()


def announce(staff: Page, text: str, to: str = "Everyone") -> None:
    staff.get_by_label("Text").fill(text)
    staff.get_by_label("To", exact=False).last.select_option(label=to)
    staff.get_by_role("button", name="Announce").click()
    expect(staff.get_by_text("Announced.")).to_be_visible()


def listen(page: Page, url: str) -> None:
    page.goto(f"{url}alerts/")
    expect(page.locator("#hears")).to_have_text("You hear what is announced for everyone.")


def test_a_guest_hears_what_is_for_the_class_that_was_picked(page, staff, url):
    listen(page, url)
    expect(page.locator("#empty")).to_be_visible()
    page.get_by_label("Your class").select_option(label="Yoga, 05 Jan 18:00")
    expect(page.locator("#hears")).to_contain_text("for everyone, for North and for Yoga")
    announce(staff, "for spinning", "Spinning, 05 Jan 18:00 (North)")
    announce(staff, "for yoga", "Yoga, 05 Jan 18:00 (North)")
    announce(staff, "for North", "North")
    announce(staff, "for all")
    expect(page.locator("#alerts p")).to_have_text(["for all", "for North", "for yoga"])
    expect(page.locator("#alerts strong")).to_have_text(["Everyone", "Your club", "Your class"])
    expect(page.locator("#alerts time").first).to_have_attribute(
        "datetime", re.compile(r"^20\d\d-\d\d-\d\dT.*Z$")
    )
    expect(page.locator("#empty")).to_be_hidden()


def test_a_class_picked_while_the_page_connects_is_heard(page, staff, url):
    page.add_init_script(
        """window.WebSocket = class extends WebSocket {
          constructor(...all) {
            super(...all);  // to an address without a class, which cannot change any more
            const options = [...document.querySelectorAll("#class option")];
            options.find((option) => option.text.startsWith("Yoga")).selected = true;
            document.querySelector("#class").dispatchEvent(new Event("change"));
          }
        }"""
    )
    page.goto(f"{url}alerts/")
    expect(page.locator("#hears")).to_contain_text("for everyone, for North and for Yoga")
    announce(staff, "for yoga", "Yoga, 05 Jan 18:00 (North)")
    expect(page.locator("#alerts p")).to_have_text(["for yoga"])


def test_text_is_never_html(page, staff, url):
    listen(page, url)
    nasty = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"
    announce(staff, nasty)
    expect(page.locator("#alerts p")).to_have_text([nasty])
    expect(page).to_have_title("Alerts")


@pytest.mark.slow
def test_a_class_that_is_gone_is_an_error_and_the_socket_stays_open(page, url):
    listen(page, url)
    page.evaluate("document.querySelector('#class optgroup option').value = '999'")
    page.get_by_label("Your class").select_option("999")
    expect(page.get_by_role("alert")).to_contain_text("Not picked: there is no such class.")
    expect(page.locator("#status")).to_have_attribute("data-state", "open")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_is_accessible(scheme, page, staff, url):
    for one in (page, staff):
        one.set_viewport_size({"width": 360, "height": 800})
        one.emulate_media(color_scheme=scheme)
    listen(page, url)
    announce(staff, "word" * 100)
    expect(page.locator("#alerts li")).to_have_count(1)
    for one in (page, staff):
        assert one.evaluate("document.documentElement.scrollWidth") <= 360
        found = Axe().run(one).response["violations"]
        assert not found, [(v["id"], [node["html"] for node in v["nodes"]]) for v in found]
