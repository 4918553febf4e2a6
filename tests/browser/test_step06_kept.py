"""Step 06: what was entered or measured is kept, and what was told stays true, whatever happens."""

from __future__ import annotations

import json
import re
from textwrap import dedent

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import manage
from browser.test_step04 import is_open
from browser.test_step05 import open_page  # noqa: F401  a fixture
from browser.test_step06 import (  # noqa: F401  fixtures
    LINES,
    begin,
    finish,
    folder,
    log_set,
    play,
    rows_of,
    says,
    see,
    server,
    visit,
)
from browser.test_step06_challenges import begin as begin_challenge
from browser.test_step06_challenges import board, save

# A phone ends the tab later, without another word.
HIDE = """Object.defineProperty(document, "hidden", { value: true });
    document.dispatchEvent(new Event("visibilitychange"));"""
NO_PAGEHIDE = """addEventListener("pagehide", (event) => event.stopImmediatePropagation(), true);"""


def cut(page: Page) -> None:
    """Take the network away, and the connections with it."""
    page.context.set_offline(True)
    page.evaluate("lines.forEach((line) => line.close())")
    expect(page.locator("#status .word")).to_contain_text("connecting")


def come_back(page: Page) -> None:
    page.context.set_offline(False)
    page.evaluate("document.getElementById('now').click()")
    is_open(page)


def test_sets_that_are_refused_stay_named_and_the_next_one_stays_typed(visit):  # noqa: F811
    mia = visit("/live/", "mia")
    begin(mia)
    mia.add_init_script(LINES)
    mia.reload()
    says(mia, "Your workout runs.")
    cut(mia)
    log_set(mia, "squat", 8, "61.25")
    log_set(mia, "row", 9, "40")
    mia.get_by_label("Exercise").fill("bench pr")
    finish(visit("/live/", "mia"))
    come_back(mia)
    # The server answers each of the two as well.
    expect(mia.locator("#problem")).to_have_text("Not done: no workout of yours goes on.")
    named = "squat 1 × 8 at 61.25 kg; row 1 × 9 at 40 kg"
    expect(mia.locator("#not-stored")).to_have_text(f"Not stored: {named}: no workout runs.")
    begin(mia)
    expect(mia.get_by_label("Exercise")).to_have_value("bench pr")
    log_set(mia, "plank")
    expect(mia.locator("#sets td").first).to_have_text("plank")
    expect(mia.locator("#not-stored")).to_be_empty()
    finish(mia)


@pytest.mark.parametrize(
    ("path", "selector"),
    [("/feed/", "#text"), ("/chat/1/", "#text"), ("/live/", "[name=exercise]")],
)
def test_a_page_that_ends_while_hidden_loses_nothing_typed(visit, path, selector):  # noqa: F811
    ada = visit("/", "ada")
    ada.add_init_script(NO_PAGEHIDE)
    ada.goto(ada.url.rstrip("/") + path)
    is_open(ada)
    ada.evaluate("document.getElementById('run')?.removeAttribute('hidden')")
    ada.locator(selector).fill("half a thou")
    ada.evaluate(HIDE)
    ada.reload()
    expect(ada.locator(selector)).to_have_value("half a thou")


def test_a_total_saved_without_a_connection_is_sent_later_even_after_a_reload(visit):  # noqa: F811
    ada = visit("/challenges/", "ada")
    begin_challenge(ada, "Kept way")
    ada.add_init_script(LINES)
    ada.reload()
    board(ada, "1.ada (you)0.00 km")
    cut(ada)
    save(ada, "12.5")
    expect(ada.locator("#problem")).to_have_text("It is sent when the connection is back.")
    ada.context.set_offline(False)
    ada.reload()
    board(ada, "1.ada (you)12.50 km")
    expect(ada.locator("#problem")).to_be_empty()


def test_samples_that_could_not_be_stored_are_sent_again(visit):  # noqa: F811
    leo = visit("/live/", "leo")
    begin(leo)
    refused = []
    why = {"type": "error", "code": "not_saved", "detail": "nothing can be stored now"}

    def between(line):
        """The first twenty samples are not taken; what comes after them is."""
        to_server = line.connect_to_server()

        def pass_on(frame):
            if len(refused) == 20 or "heart_rate" not in frame:
                return to_server.send(frame)
            refused.append(json.loads(frame)["time"])
            line.send(json.dumps(why))

        line.on_message(pass_on)

    leo.route_web_socket("**/ws/workout/**", between)
    leo.reload()
    says(leo, "Your workout runs.")
    play(leo)
    expect(leo.locator("#problem")).to_have_text("Nothing can be stored now.")
    expect(leo.locator("#unsaved")).to_have_text(re.compile("they are being sent"))
    expect(leo.locator("#unsaved")).to_be_empty()
    finish(leo)
    see(leo)
    times = [row[0] for row in rows_of(leo)]
    assert len(refused) == 20
    assert set(refused) <= set(times)


def test_what_is_still_to_be_sent_after_a_long_break_is_said(visit):  # noqa: F811
    ben = visit("/live/", "ben")
    begin(ben)
    ben.add_init_script(
        """if (!sessionStorage.much) {
          sessionStorage.much = true;
          const kept = JSON.parse(sessionStorage["live ben"]);
          const sample = (_, number) => ({ time: number + 1, heart_rate: 100 });
          kept.samples = Array.from({ length: 200 }, sample);
          sessionStorage["live ben"] = JSON.stringify(kept);
        }"""
    )
    ben.reload()
    says(ben, "Your workout runs.")
    expect(ben.locator("#unsaved")).to_have_text(re.compile(r"^\d+ not stored yet: they are being"))
    expect(ben.locator("#unsaved")).to_be_empty()
    finish(ben)
    see(ben)
    assert len(rows_of(ben)) == 200


def test_the_time_of_a_workout_that_ended_elsewhere_does_not_stay(visit):  # noqa: F811
    mia = visit("/live/", "mia")
    begin(mia)
    mia.add_init_script(LINES)
    expect(mia.locator("#time")).not_to_have_text("0:00")
    mia.reload()
    says(mia, "Your workout runs.")
    cut(mia)
    finish(visit("/live/", "mia"))
    come_back(mia)
    says(mia, re.compile("^No workout runs."))
    expect(mia.locator("#time")).to_have_text("0:00")


def test_the_focus_goes_to_what_takes_the_place_of_what_was_pressed(visit, server):  # noqa: F811
    ada = visit("/live/", "ada")
    begin(ada)
    expect(ada.locator("#pause")).to_be_focused()
    ada.get_by_role("button", name="Finish").focus()
    ada.keyboard.press("Enter")
    expect(ada.locator("#finished-link")).to_be_focused()
    ada.goto(server.http("/challenges/"))
    begin_challenge(ada, "Far way")
    ada.get_by_role("button", name="Leave").press("Enter")
    expect(ada.locator("#join")).to_be_focused()
    ada.keyboard.press("Enter")
    expect(ada.locator("#amount")).to_be_focused()
    ada.goto(server.http("/form/"))
    ada.get_by_role("button", name="Start a strength workout").click()
    is_open(ada)
    ada.locator("#play").press("Enter")
    expect(ada.locator("#play")).to_have_text("Pause")
    expect(ada.locator("#play")).to_be_focused()
    ada.keyboard.press("Enter")
    expect(ada.locator("#play")).to_have_text("Play the recording")
    ada.goto(server.http("/live/"))
    finish(ada)


def test_a_challenge_that_is_over_says_so_to_a_screen_reader(visit):  # noqa: F811
    ada = visit("/challenges/", "ada")
    begin_challenge(ada, "Short way")
    ada.get_by_role("button", name="End it now").click()
    expect(ada.locator("#countdown")).to_have_text("over")
    snapshot = ada.locator(".figures").aria_snapshot()
    assert re.search("It is\n.*over", snapshot), snapshot
    assert "time" not in snapshot


def test_back_shows_no_page_as_it_was(visit, folder, server):  # noqa: F811
    """Nor does it show a page to whoever comes after a log-out."""
    ben, ada = visit("/chat/", "ben"), visit("/chat/1/", "ada")
    is_open(ada)
    ada.locator("#text").fill("news")
    ada.get_by_role("button", name="Send").click()
    expect(ada.locator("#messages .message .text").last).to_have_text("news")
    ben.reload()
    first = ben.locator("main li").filter(has_text="ada")
    expect(first).to_contain_text("unread")
    ben.goto(server.http("/chat/1/"))
    expect(ben.locator("#messages .message .text").last).to_have_text("news")
    expect(ada.locator("#messages")).to_contain_text(re.compile("read|seen"))
    ben.go_back()
    expect(first).to_be_visible()
    expect(first).not_to_contain_text("unread")


def test_notifications_read_elsewhere_are_read_here_however_many(visit, folder):  # noqa: F811
    many = """
        from django.contrib.auth.models import User
        from notifications import services
        ben, cleo = (User.objects.get(username=name) for name in ("ben", "cleo"))
        for number in range(120):
            services.notify(cleo, "friend_accepted", about=ben)
    """
    manage(folder, "shell", "--verbosity", "0", "--command", dedent(many))
    cleo = visit("/", "cleo")
    cleo.add_init_script(LINES)
    cleo.goto(cleo.url + "notifications/")
    is_open(cleo)
    rows, unread = (
        cleo.locator("#notifications li"),
        cleo.locator("#notifications li:not([data-read])"),
    )
    expect(rows).to_have_count(50)
    cleo.get_by_role("button", name="Load older ones").click()
    expect(rows).to_have_count(100)
    cut(cleo)
    other = visit("/notifications/", "cleo")
    other.get_by_role("button", name="Mark all as read").click()
    expect(other.locator("#notifications li:not([data-read])")).to_have_count(0)
    expect(other.locator("#notifications")).to_be_focused()
    come_back(cleo)
    expect(unread).to_have_count(0)
    expect(rows).to_have_count(100)
