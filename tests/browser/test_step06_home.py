"""Step 06's first page in real browsers: all six features at a glance, and what of it moves."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browser.test_step04 import is_open
from browser.test_step05 import open_page  # noqa: F401  a fixture
from browser.test_step06 import LINES, begin, finish, folder, server, visit  # noqa: F401  fixtures
from browser.test_step06_challenges import begin as begin_challenge
from browser.test_step06_challenges import save
from browser.test_step06_feed import comment, post_of, tell


def row(page: Page, of: str, text: str):
    return page.locator(f"section[aria-labelledby={of}] li").filter(has_text=text)


def test_the_feed_and_the_places_move(visit, server):  # noqa: F811
    ada, ben = visit("/", "ada"), visit("/feed/", "ben")
    is_open(ada)
    tell(ben, "Up the hill")
    mine = ada.locator("#posts li")
    expect(mine.first).to_contain_text("ben: Up the hill")
    expect(mine.first).to_contain_text("0 cheers, 0 comments")
    expect(mine).to_have_count(3)
    mia = visit("/feed/", "mia")
    post_of(mia, "Up the hill").locator(".cheer").click()
    comment(mia, "Up the hill", "And down")
    expect(mine.first).to_contain_text("1 cheer, 1 comment")
    ben.on("dialog", lambda dialog: dialog.accept())
    post_of(ben, "Up the hill").get_by_role("button", name="Delete").click()
    expect(ada.locator("#posts")).not_to_contain_text("Up the hill")
    expect(mine).to_have_count(3)

    race = row(ada, "races", "Race of the day")
    expect(race).to_contain_text("place 4 of 4")
    expect(race).to_contain_text("ben leads")
    ben.goto(server.http("/challenges/"))
    ben.get_by_role("link", name="Race of the day").click()
    mia.goto(server.http("/"))
    expect(row(mia, "races", "Race of the day")).to_contain_text("place 3 of 4")
    ben.get_by_role("button", name="Leave").click()
    for page, place in ((ada, "place 3 of 3"), (mia, "place 2 of 3")):
        expect(row(page, "races", "Race of the day")).to_contain_text(place)
        expect(row(page, "races", "Race of the day")).to_contain_text("cleo leads")


def test_the_end_of_a_challenge_is_told_live_and_to_who_comes_back(visit):  # noqa: F811
    leo, cleo, home = visit("/challenges/", "leo"), visit("/", "cleo"), visit("/", "cleo")
    home.add_init_script(LINES)

    def join(name: str) -> None:
        """leo's challenge, with cleo in it, who sees it on Home."""
        begin_challenge(leo, name)
        cleo.goto(leo.url)
        cleo.get_by_role("button", name="Join").click()
        expect(cleo.locator("#place")).to_have_text("2 of 2")
        home.reload()
        says(name, re.compile("^leo leads, ends "))

    def says(name: str, words: str | re.Pattern) -> None:
        expect(row(home, "races", name).locator(".more")).to_have_text(words, use_inner_text=True)

    join("Nobody moves")
    leo.get_by_role("button", name="End it now").click()
    says("Nobody moves", "over, without a winner")

    leo.goto(re.sub(r"\d+/$", "", leo.url))
    join("Hers")
    save(cleo, "3")
    says("Hers", re.compile("^you lead, ends "))
    home.context.set_offline(True)
    home.evaluate("lines.forEach((line) => line.close())")
    leo.get_by_role("button", name="End it now").click()
    expect(leo.locator("#winner")).to_have_text("cleo has won.")
    home.context.set_offline(False)
    says("Hers", "you finished first")


def test_each_feature_is_one_click_away(visit, server):  # noqa: F811
    mia = visit("/live/", "mia")
    begin(mia, "strength")
    tom = visit("/", "tom")
    tom.get_by_role("link", name="See mia’s form").click()
    is_open(tom)
    expect(tom.get_by_label("Cue for mia")).to_be_visible()
    ada = visit("/", "ada")
    for name, role, path in (
        ("Watch mia", "link", "/live/mia/"),
        ("All your workouts", "link", "/workouts/"),
        ("Race of the day", "link", re.compile(r"/challenges/\d+/$")),
        ("Your form", "button", "/form/"),
        ("Your feed", "link", "/feed/"),
        ("tom", "link", re.compile(r"/chat/\d+/$")),
        ("All of them", "link", "/notifications/"),
    ):
        ada.goto(server.http("/"))
        ada.get_by_role("main").get_by_role(role, name=name, exact=True).click()
        expect(ada).to_have_url(path if isinstance(path, re.Pattern) else server.http(path))
    finish(mia)
    ada.goto(server.http("/"))
    ada.get_by_role("link", name="Look again").click()
    expect(ada.get_by_role("main")).to_contain_text("None of your friends")


def test_times_are_by_the_readers_clock_and_without_a_script_in_utc(visit, server):  # noqa: F811
    far = {"locale": "de-DE", "timezone_id": "Asia/Kolkata"}  # five hours and a half ahead
    here = visit("/workouts/", "ben", **far)
    plain = visit("/workouts/", "ben", **far, java_script_enabled=False)
    utc = datetime.fromisoformat(here.locator(".rows time").first.get_attribute("datetime"))
    ours = utc + timedelta(hours=5, minutes=30)
    for page, day, hour, zone in (
        (here, f"{ours:%d.%m.%Y}", f"{ours:%H:%M}", ""),
        (plain, f"{utc.day} {utc:%b %Y}", f"{utc:%H:%M} UTC", " UTC"),
    ):
        expect(page.locator(".rows time").first).to_have_text(f"{day}, {hour}")
        link = page.locator(".rows a").first
        assert link.inner_text().endswith(f"ing, {day}, {hour}")
        link.click()
        expect(page.locator("h1 time")).to_have_text(day)
        expect(page.locator("main p time")).to_have_text(hour)
        page.goto(server.http("/"))
        expect(page.locator("#training ~ p time")).to_have_text(re.compile(rf"^\d\d:\d\d{zone}$"))
        page.goto(server.http("/challenges/"))
        page.get_by_role("link", name="Race of the day").click()
        expect(page.locator("dl time")).to_have_text(re.compile(rf"\d\d:\d\d{zone}$"))
    here.goto(server.http("/feed/"))
    expect(here.locator("#about option").nth(1)).to_have_text(re.compile(f", {ours:%d.%m.%Y}, "))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["ada", "noa"])  # noa has no friends, and did nothing yet
def test_it_fits_a_phone_and_is_accessible(visit, name, scheme):  # noqa: F811
    phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    page = visit("/", name, **phone)
    is_open(page)
    expect(page.locator("#latest li, #no-news:not([hidden])").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    small = """[...document.querySelectorAll("main :is(button, [role=button], .rows a)")]
      .filter((one) => one.offsetHeight && one.getBoundingClientRect().height < 44)
      .map((one) => one.textContent)"""
    assert page.evaluate(small) == []
    found = Axe().run(page)
    assert not found.response["violations"], found.generate_report()
    if name == "noa":
        main = page.get_by_role("main")
        for words in ("None of your friends", "Join one", "Tell your friends something"):
            expect(main).to_contain_text(words)
