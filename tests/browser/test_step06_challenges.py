"""Step 06's challenges: places that change before one's eyes, in real browsers."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browser.test_step04 import LOOKS, is_open
from browser.test_step05 import NASTY, open_page  # noqa: F401  a fixture
from browser.test_step06 import folder, server, visit  # noqa: F401  fixtures


def begin(page: Page, name: str, counts: str = "distance", *, public: bool = True) -> str:
    """Begin a challenge; gives its path."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("What counts").select_option(label=counts)
    page.get_by_label("Everybody may see").set_checked(public)
    page.get_by_role("button", name="Begin now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    is_open(page)
    return re.sub("^http://[^/]+", "", page.url)


def save(page: Page, total: str) -> None:
    page.get_by_label("Your total so far").fill(total)
    page.get_by_role("button", name="Save").click()


def board(page: Page, *rows: str) -> None:
    expect(page.locator("#board li")).to_have_text(list(rows))


@pytest.fixture
def two(visit):  # noqa: F811
    """ada, who has begun a challenge, and ben, who has joined it."""
    ada = visit("/challenges/", "ada")
    path = begin(ada, "Long way")
    ben = visit(path, "ben")
    is_open(ben)
    ben.get_by_role("button", name="Join").click()
    board(ada, "1.ada (you)0.00 km", "2.ben0.00 km")
    return ada, ben


def test_places_change_before_both_their_eyes(two):
    ada, ben = two
    save(ada, "1.5")
    board(ben, "1.ada1.50 km", "2.ben (you)0.00 km")
    save(ben, "2,25")
    for page, own in ((ada, "2 of 2"), (ben, "1 of 2")):
        expect(page.locator("#place")).to_have_text(own)
    board(ada, "1.ben2.25 km", "2.ada (you)1.50 km")
    expect(ben.locator("#total")).to_have_text("2.25 km")
    expect(ada.locator("#countdown")).to_have_text(re.compile(r"^6 d 23:59:\d\d$"))


def test_less_than_before_is_refused_in_words(two):
    ada, _ = two
    save(ada, "1.5")
    board(ada, "1.ada (you)1.50 km", "2.ben0.00 km")
    save(ada, "1")
    expect(ada.locator("#problem")).to_have_text("That is less than the 1.50 km you have already.")
    save(ada, "99999999")
    words = "That is too much: it may be 10000.00 km at most."
    expect(ada.locator("#problem")).to_have_text(words)
    save(ada, "much")
    expect(ada.locator("#problem")).to_have_text("Write a number, as 12.5.")
    save(ada, "1.6")
    board(ada, "1.ada (you)1.60 km", "2.ben0.00 km")
    expect(ada.locator("#problem")).to_have_text("")


def test_who_leaves_is_off_the_board_and_may_come_back(two):
    ada, ben = two
    ben.get_by_role("button", name="Leave").click()
    board(ada, "1.ada (you)0.00 km")
    expect(ben.locator("#place")).to_have_text("you take no part")
    ben.get_by_role("button", name="Join").click()
    board(ada, "1.ada (you)0.00 km", "2.ben0.00 km")


def test_its_maker_ends_it_and_both_see_the_winner(two):
    ada, ben = two
    save(ben, "3")
    board(ada, "1.ben3.00 km", "2.ada (you)0.00 km")
    ada.get_by_role("button", name="End it now").click()
    expect(ada.locator("#winner")).to_have_text("ben has won.")
    expect(ben.locator("#winner")).to_have_text("You have won.")
    for page in two:
        expect(page.locator("#countdown")).to_have_text("over")
        expect(page.get_by_role("button", name=re.compile("Save|Join|End"))).to_have_count(0)
    ben.reload()
    expect(ben.locator("#winner")).to_have_text("You have won.")
    ben.goto(re.sub(r"\d+/$", "", ben.url))
    expect(ben.get_by_role("main")).to_contain_text("won by ben")


def test_what_was_lost_on_the_way_is_sent_again_and_counts_once(two):
    ada, ben = two
    ada.add_init_script(
        """window.lines = [];
        const Line = WebSocket;
        window.WebSocket = class extends Line {
          constructor(...all) { super(...all); lines.push(this); }
        };"""
    )
    ada.reload()
    is_open(ada)
    line = "lines.find(({ url }) => url.includes('/ws/challenge/'))"
    ada.evaluate(f"{line}.send = () => {{}}")
    save(ada, "4")
    ada.evaluate(f"{line}.close()")
    board(ben, "1.ada4.00 km", "2.ben (you)0.00 km")
    save(ada, "5")  # the way is free again
    board(ben, "1.ada5.00 km", "2.ben (you)0.00 km")


# How it moves


def test_rows_glide_to_their_places_and_nothing_else_moves(visit):  # noqa: F811
    ada = visit("/challenges/", "ada", reduced_motion="no-preference")
    path = begin(ada, "Glide")
    ben = visit(path, "ben")
    ben.get_by_role("button", name="Join").click()
    board(ada, "1.ada (you)0.00 km", "2.ben0.00 km")
    ada.evaluate(
        """() => {
          window.moves = [];
          const animate = Element.prototype.animate;
          Element.prototype.animate = function (frames, options) {
            moves.push([this.dataset.name, frames.transform[0]]);
            return animate.call(this, frames, options);
          };
          window.shifts = 0;
          new PerformanceObserver((list) => {
            for (const one of list.getEntries()) if (!one.hadRecentInput) shifts += one.value;
          }).observe({ type: "layout-shift" });
        }"""
    )
    save(ben, "3")
    board(ada, "1.ben3.00 km", "2.ada (you)0.00 km")
    moves = dict(ada.evaluate("moves"))
    assert moves == {"ben": "translateY(44px)", "ada": "translateY(-44px)"}
    ada.wait_for_function("document.getAnimations().length === 0")
    assert ada.evaluate("shifts") < 0.05


def test_nothing_glides_for_who_wants_it_calm(two):
    ada, ben = two
    moves = "throw new Error('it moves')"
    ada.evaluate(f"() => {{ Element.prototype.animate = () => {{ {moves} }}; }}")
    save(ben, "3")
    board(ada, "1.ben3.00 km", "2.ada (you)0.00 km")  # an escaped exception would fail the test


def test_a_lively_board_does_not_chatter(two):
    ada, ben = two
    heard = ada.locator("#heard")
    expect(heard).to_have_text("Your place is 1 of 2")
    ada.evaluate(
        """() => {
          window.said = [];
          const tell = () => said.push(heard.textContent);
          new MutationObserver(tell).observe(heard, { childList: true });
        }"""
    )
    for total in ("1", "2", "3"):
        save(ben, total)
        expect(ben.locator("#total")).to_have_text(f"{total}.00 km")
        save(ada, f"{total}.5")
        expect(ada.locator("#total")).to_have_text(f"{total}.50 km")
    assert len(ada.evaluate("said")) <= 1


# Input, rights, looks


def test_a_name_that_is_markup_is_text(visit):  # noqa: F811
    ada = visit("/challenges/", "ada")
    begin(ada, NASTY[:70])
    assert "broken" not in ada.title().split("<")[0]
    ada.goto(re.sub(r"\d+/$", "", ada.url))
    expect(ada.get_by_role("main")).to_contain_text(NASTY[:70])


def test_a_form_says_what_is_wrong_at_the_field(visit):  # noqa: F811
    ada = visit("/challenges/", "ada")
    ada.get_by_role("button", name="Begin now").click()
    expect(ada.locator("#id_name_error")).to_have_text("This field is required.")


def test_a_private_one_is_nobody_elses(visit):  # noqa: F811
    ada = visit("/challenges/", "ada")
    path = begin(ada, "Among friends", "repetitions", public=False)
    noa = visit(path, "noa")
    expect(noa.get_by_role("heading", level=1)).to_have_text("No such challenge")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_is_readable_for_all(visit, width, scheme):  # noqa: F811
    how = {"color_scheme": scheme, "viewport": {"width": width, "height": 740}}
    mia = visit("/challenges/", "mia", **how)  # ada has begun as many as one may in a minute
    for _ in "list", "one":
        wide = mia.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wide, mia.url
        found = Axe().run(mia, "main").response["violations"]
        assert not found, [(one["id"], one["nodes"][0]["html"]) for one in found]
        if mia.url.endswith("/challenges/"):
            begin(mia, "Far and farther, together with all of you", "time")
