"""Step 06's form coach: real frames through the real socket, in real browsers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.test_step04 import LOOKS, check, is_open
from browser.test_step05 import NASTY, open_page  # noqa: F401  a fixture
from browser.test_step06 import LINES, WATCH_OVER, folder, server, visit  # noqa: F401  fixtures

PHONE = {"viewport": {"width": 360, "height": 740}}
TAKES = 20_000  # ms: the recording's first repetition ends after 9 seconds

# Every frame this page sends, and how the server's updates follow each other.
COUNT = """
  window.sent = [];
  window.cued = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (this.url.includes("/ws/form/")) sent.push(performance.now());
    return send.call(this, data);
  };
  addEventListener("DOMContentLoaded", () => {
    const cue = document.getElementById("cue");
    const note = new MutationObserver(() => cued.push(performance.now()));
    if (cue) note.observe(cue, { childList: true });
  });
"""


def at_form(page: Page) -> Page:
    """One's own page, with a workout that goes on."""
    begin = page.get_by_role("button", name="Start a strength workout")
    if begin.is_visible():
        begin.click()
    is_open(page)
    return page


def play(page: Page) -> None:
    page.get_by_role("button", name="Play the recording").click()
    expect(page.locator("#figure")).to_be_visible()


def pause(page: Page) -> None:
    page.get_by_role("button", name="Pause").click()


@pytest.fixture
def ada(visit):  # noqa: F811
    return at_form(visit("/form/", "ada"))


def test_a_recording_that_does_not_come_is_told_and_can_be_asked_for_again(ada):
    ada.route("**/form/frames.json", lambda route: route.abort())
    button = ada.get_by_role("button", name="Play the recording")
    button.click()
    expect(ada.locator("#problem")).to_have_text("The recording did not come: press again.")
    expect(button).to_be_enabled()
    ada.unroute("**/form/frames.json")
    play(ada)
    expect(ada.locator("#problem")).to_have_text("")
    pause(ada)


def test_a_trainer_sees_the_squats_and_says_something(ada, visit):  # noqa: F811
    tom = visit("/form/ada/", "tom", **PHONE)
    is_open(tom)
    tom.evaluate(WATCH_OVER)
    before = int(tom.locator("#repetitions").inner_text())
    play(ada)
    expect(tom.locator("#figure")).to_have_attribute("data-visible", "true")
    expect(tom.locator("#cue")).to_have_text("Set your feet wider.")
    expect(ada.locator("#cue")).to_have_text("Set your feet wider.")
    expect(tom.locator("#stage")).to_have_text("down", timeout=TAKES)
    expect(tom.locator("#depth")).to_have_text(re.compile(r"^(7|8|9|10|11|12)\d %$"))
    expect(tom.locator("#repetitions")).to_have_text(str(before + 1), timeout=TAKES)
    expect(ada.locator("#repetitions")).to_have_text(str(before + 1))
    expect(tom.locator("#last")).to_have_text(re.compile(r"^1\d\d % deep; down –, held 4\.\d s"))
    assert tom.evaluate("shifts") == 0
    tom.get_by_label("Cue for ada").fill(NASTY)
    tom.get_by_role("button", name="Say it").click()
    expect(ada.locator("#cue")).to_have_text(f"tom: {NASTY}")
    expect(tom.get_by_label("Cue for ada")).to_have_value("")
    pause(ada)
    expect(tom.locator("#stage")).to_have_text("–")  # what is old is not shown as if it were now
    expect(tom.locator("#repetitions")).to_have_text(str(before + 1))
    for text in ("one", "two"):  # too soon after each other
        tom.get_by_label("Cue for ada").fill(text)
        tom.get_by_role("button", name="Say it").click()
    expect(tom.locator("#problem")).to_have_text("One cue every two seconds.")
    expect(tom.get_by_label("Cue for ada")).to_have_value("two")
    expect(ada.locator("#cue")).to_have_text("tom: one")


def test_what_a_trainer_says_into_a_dead_line_is_not_lost(ada, visit):  # noqa: F811
    tom = visit("/form/ada/", "tom")
    tom.add_init_script(LINES)
    tom.reload()
    is_open(tom)
    cue = tom.get_by_label("Cue for ada")
    line = "lines.findLast(({ url }) => url.includes('/ws/form/'))"
    tom.evaluate(f"{line}.send = () => {{}}")
    for text in ("Knees out", "Chest up"):
        cue.fill(text)
        tom.get_by_role("button", name="Say it").click()
        expect(cue).to_have_value("")
    cue.fill("Slow")
    tom.evaluate(f"{line}.close()")
    expect(cue).to_have_value("Knees out Chest up Slow")
    is_open(tom)
    expect(tom.locator("#problem")).to_have_text("Perhaps not said: the connection broke.")
    tom.get_by_role("button", name="Say it").click()
    expect(ada.locator("#cue")).to_have_text("tom: Knees out Chest up Slow")
    expect(tom.locator("#problem")).to_have_text("")


def test_a_refused_cue_stands_before_the_next_that_is_half_typed(ada, visit):  # noqa: F811
    tom = visit("/form/ada/", "tom")
    is_open(tom)
    tom.evaluate(
        """() => {
          const [form, field] = [document.getElementById("say"), document.getElementById("text")];
          for (const words of ["One", "Two", "Thr"]) {
            field.value = words;
            if (words !== "Thr") form.requestSubmit();
          }
        }"""
    )
    expect(tom.locator("#problem")).to_have_text("One cue every two seconds.")
    expect(tom.get_by_label("Cue for ada")).to_have_value("Two Thr")


def test_a_friend_watches_and_a_stranger_does_not(ada, visit):  # noqa: F811
    ben, leo = visit("/form/ada/", "ben"), visit("/form/ada/", "leo")
    is_open(ben)
    play(ada)
    expect(ben.locator("#figure")).to_be_visible()
    expect(ben.get_by_role("button", name="Say it")).to_have_count(0)
    expect(leo.get_by_role("heading", level=1)).to_have_text("Nobody to watch")
    pause(ada)


def test_what_was_counted_is_a_set_of_the_workout(ada, visit):  # noqa: F811
    other = visit("/form/", "ada")  # another tab of hers
    is_open(other)
    before = int(ada.locator("#repetitions").inner_text())
    play(ada)
    play(other)
    expect(ada.locator("#repetitions")).to_have_text(str(before + 1), timeout=TAKES)
    ada.get_by_role("link", name="finish the workout").click()
    expect(ada.locator("#sets tr").last).to_have_text(re.compile("squat"))
    ada.get_by_role("button", name="Finish").click()
    expect(ada.locator("#says")).to_have_text(re.compile(r"^Finished: .*repetitions"))
    expect(other.locator("#problem")).to_have_text("This workout is over.")
    expect(other.locator("#play")).to_be_disabled()
    expect(other.locator("#play")).to_have_text("Play the recording")


def test_a_watcher_reads_that_nothing_comes_and_that_it_is_over(ada, visit):  # noqa: F811
    tom = visit("/form/ada/", "tom")
    is_open(tom)
    play(ada)
    hint, cue = tom.locator("#hint"), tom.get_by_label("Cue for ada")
    expect(tom.locator("#figure")).to_have_attribute("data-visible", "true")
    expect(hint).to_be_hidden()
    ada.goto(ada.url.replace("/form/", "/live/"))
    expect(hint).to_have_text("Nothing comes from ada now.")
    expect(hint).to_be_visible()
    ada.get_by_role("button", name="Finish").click()
    expect(tom.locator("#problem")).to_have_text("This workout is over.")
    expect(tom.locator("#status")).to_have_text("closed 4403: this workout is over")
    expect(cue).to_be_disabled()
    expect(tom.get_by_role("button", name="Say it")).to_be_disabled()


def test_a_watcher_sees_who_comes_back(ada, visit):  # noqa: F811
    tom = visit("/form/ada/", "tom")
    is_open(tom)
    for _ in range(2):
        play(ada)
        expect(tom.locator("#figure")).to_have_attribute("data-visible", "true")
        expect(tom.locator("#hint")).to_be_hidden()
        pause(ada)
        expect(tom.locator("#hint")).to_be_visible()
    expect(ada.locator("#hint")).to_be_hidden()


def test_frames_go_out_thirty_a_second_and_cues_come_one_in_two(open_page, visit):  # noqa: F811
    page = visit("/form/", "ada")
    page.add_init_script(COUNT)
    page.reload()
    at_form(page)
    play(page)
    page.wait_for_function("sent.length >= 60")
    seconds = page.evaluate("(sent.at(-1) - sent[0]) / 1000")
    assert 15 <= page.evaluate("sent.length") / seconds <= 33
    page.wait_for_function("cued.length >= 2", timeout=TAKES)
    first, second = page.evaluate("cued")[:2]
    assert second - first >= 2000
    pause(page)
    sent = page.evaluate("sent.length")
    page.reload()
    is_open(page)
    assert sent and page.evaluate("sent.length") == 0  # nothing is sent before somebody wants it


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_and_nothing_jumps(ada, visit, width, scheme):  # noqa: F811
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    tom, mine = visit("/form/ada/", "tom", **look), visit("/form/", "ada", **look)
    none = visit("/form/nobody/", "tom", **look)
    is_open(tom)
    tom.evaluate(WATCH_OVER)
    play(ada)
    expect(tom.locator("#stage")).to_have_text("down", timeout=TAKES)
    assert tom.evaluate("shifts") == 0
    for page in (tom, mine, none):
        check(page)
    pause(ada)
    assert tom.evaluate("spoken.length") <= 3  # the cues of some seconds, and no figure


def test_the_drawing_is_the_same_wherever_the_body_is(ada):
    same = ada.evaluate(
        """async () => {
          const { fit } = await import("/static/js/figure.js");
          const { frames } = await (await fetch("/form/frames.json")).json();
          const move = ([x, y, v]) => [0.6 * x + 3, 0.6 * y - 2, v];
          const moved = frames.map((points) => points.map(move));
          let [here, there] = [null, null];
          return frames.every((points, at) => {
            [here, there] = [fit(points, here?.view), fit(moved[at], there?.view)];
            return here.placed.every(([x, y], i) => {
              const [a, b] = there.placed[i];
              const isInside = x > 0 && x < 100 && y > 10 && y < 100;
              return isInside && Math.hypot(x - a, y - b) < 0.01;
            });
          });
        }"""
    )
    assert same
