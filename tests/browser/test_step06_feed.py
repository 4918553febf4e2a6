"""Step 06's feed in real browsers: live between two, and nothing typed is lost."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browser.test_step04 import LOOKS, is_open
from browser.test_step05 import NASTY, open_page  # noqa: F401  a fixture
from browser.test_step06 import LINES, folder, server, visit  # noqa: F401  fixtures

LINE = "lines.findLast(({ url }) => url.includes('/ws/social/'))"


def tell(page: Page, text: str) -> None:
    page.get_by_label("Tell your friends").fill(text)
    page.get_by_role("button", name="Post", exact=True).click()


def post_of(page: Page, text: str):
    return page.locator("#posts > li").filter(has_text=text)


def comment(page: Page, on: str, text: str) -> None:
    post_of(page, on).get_by_label("Comment on").fill(text)
    post_of(page, on).get_by_role("button", name="Comment", exact=True).click()


def said(number: int) -> dict:
    """A comment as it travels."""
    at = "2026-01-01T00:00:00Z"
    return {"id": number, "username": "ben", "text": str(number), "at": at, "client_id": "x"}


def shown(number: int, many: int = 0, comments=()) -> dict:
    """A post of ben's as it travels, after the change of this number."""
    post = {**said(1), "number": number, "text": "A post of ben", "workout": None}
    counts = {"cheers": 0, "is_cheered": False, "comment_count": many}
    return {**post, **counts, "comments": [*map(said, comments)]}


def wired(page: Page):
    """The page's line, loaded anew, with the test at its other end in place of the server."""
    lines = []
    page.route_web_socket("**/ws/social/*", lambda line: lines.append(line))
    page.reload()
    is_open(page)
    return lines[0], lambda **frame: lines[0].send(json.dumps(frame))


@pytest.fixture
def two(visit):  # noqa: F811
    """ada and ben, who are friends."""
    pages = visit("/feed/", "ada"), visit("/feed/", "ben")
    for page in pages:
        is_open(page)
    return pages


def test_a_post_a_cheer_and_a_comment_come_live(two):
    ada, ben = two
    tell(ada, "Live one")
    expect(post_of(ada, "Live one").locator(".author")).to_have_text("ada (you)")
    theirs = post_of(ben, "Live one")
    expect(theirs.locator(".author")).to_have_text("ada")
    expect(ben.locator("#heard")).to_have_text("ada has posted")
    expect(ada.get_by_label("Tell your friends")).to_have_value("")
    theirs.locator(".cheer").click()
    expect(theirs.locator(".cheer")).to_have_attribute("aria-pressed", "true")
    expect(post_of(ada, "Live one").locator(".cheer")).to_have_text("Cheer 1")
    expect(ada.locator("#heard")).to_have_text("ben cheers your post")
    comment(ben, "Live one", "Well done")
    expect(post_of(ada, "Live one").locator(".comments li")).to_contain_text("ben Well done")
    theirs.locator(".cheer").click()
    expect(post_of(ada, "Live one").locator(".cheer")).to_have_text("Cheer")
    expect(theirs.locator(".cheer")).to_have_attribute("aria-pressed", "false")
    ben.reload()
    expect(post_of(ben, "Live one").locator(".comments li")).to_contain_text("ben (you) Well done")


def test_the_newest_is_first_and_older_ones_come_when_asked_for(two):
    ada, ben = two
    for number in range(23):
        tell(ada, f"Row {number} of many")
    expect(post_of(ben, "Row 22 of many")).to_have_count(1)
    ben.reload()
    many = ben.locator("#posts > li")
    expect(many).to_have_count(20)
    expect(many.first).to_contain_text("Row 22 of many")
    ben.get_by_role("button", name="Load older posts").click()
    expect(post_of(ben, "Row 0 of many")).to_have_count(1)
    numbers = ben.locator("#posts > li").evaluate_all("all => all.map((one) => +one.dataset.id)")
    assert numbers == sorted(numbers, reverse=True)
    # After a break all that was shown is read again, and no more.
    ben.evaluate("document.title = 'not reloaded'")
    count = many.count()
    ada.once("dialog", lambda dialog: dialog.accept())
    post_of(ada, "Row 0 of many").get_by_role("button", name="Delete").click()
    expect(post_of(ben, "Row 0 of many")).to_have_count(0)
    expect(many).to_have_count(count - 1)


def test_what_went_wrong_on_the_way_is_sent_again_and_stored_once(two):
    ada, ben = two
    ada.add_init_script(LINES)
    ada.reload()
    is_open(ada)
    ada.evaluate(f"{LINE}.send = () => {{}}")
    tell(ada, "Into the void")
    tell(ada, "And after it")
    expect(ada.locator("#waiting")).to_have_text("Sending 2 …")
    ada.evaluate(f"{LINE}.close()")
    for page in two:
        expect(post_of(page, "Into the void")).to_have_count(1)
        expect(post_of(page, "And after it")).to_have_count(1)
    expect(ada.locator("#waiting")).to_be_hidden()


def test_a_reload_loses_nothing_that_was_typed(two):
    ada, ben = two
    tell(ben, "To be commented on")
    ada.get_by_label("Tell your friends").fill("a draft")
    post_of(ada, "To be commented").get_by_label("Comment on").fill("half a comm")
    ada.reload()
    expect(ada.get_by_label("Tell your friends")).to_have_value("a draft")
    draft = post_of(ada, "To be commented").get_by_label("Comment on")
    expect(draft).to_have_value("half a comm")


def test_a_draft_outlives_a_page_without_its_post(two):
    """Reloaded once more before the first page came; a post on an older page is as far away."""
    ada, ben = two
    tell(ben, "Slow to come")
    draft = post_of(ada, "Slow to come").get_by_label("Comment on")
    draft.fill("half a comm")
    ways = [lambda line: None, lambda line: line.connect_to_server()]  # first, nothing comes
    ada.route_web_socket("**/ws/social/*", lambda line: ways.pop(0)(line))
    ada.reload()
    is_open(ada)
    expect(ada.locator("#posts > li")).to_have_count(0)
    ada.reload()
    expect(draft).to_have_value("half a comm")


def test_what_waits_survives_a_reload(two):
    ada, ben = two
    ada.add_init_script(LINES)
    ada.reload()
    is_open(ada)
    ada.evaluate(f"{LINE}.send = () => {{}}")
    tell(ada, "Before the reload")
    ada.reload()
    expect(post_of(ben, "Before the reload")).to_have_count(1)
    expect(post_of(ada, "Before the reload")).to_have_count(1)


def test_what_came_and_went_during_a_break_is_right_after_it(two):
    ada, ben = two
    ben.add_init_script(LINES)
    tell(ada, "Will be deleted")
    ben.reload()
    expect(post_of(ben, "Will be deleted")).to_have_count(1)
    ben.context.set_offline(True)
    ben.evaluate(f"{LINE}.close()")
    expect(ben.locator("#status")).to_contain_text("connecting")
    for text in ("first", "second"):
        comment(ben, "Will be deleted", text)
    post_of(ben, "Will be deleted").get_by_label("Comment on").fill("a draft")
    ada.once("dialog", lambda dialog: dialog.accept())
    post_of(ada, "Will be deleted").get_by_role("button", name="Delete").click()
    expect(post_of(ada, "Will be deleted")).to_have_count(0)
    tell(ada, "Came meanwhile")
    ben.context.set_offline(False)
    expect(post_of(ben, "Came meanwhile")).to_have_count(1, timeout=40_000)
    expect(post_of(ben, "Will be deleted")).to_have_count(0)
    # Not lost, none of it.
    expect(ben.get_by_label("Tell your friends")).to_have_value("a draft\nfirst\nsecond")


def test_all_of_it_by_keyboard(two):
    ada, _ = two
    ada.get_by_label("Tell your friends").focus()
    ada.keyboard.type("By keyboard")
    ada.keyboard.press("Tab")
    if ada.locator("#about").count():
        ada.keyboard.press("Tab")
    ada.keyboard.press("Enter")
    post = post_of(ada, "By keyboard")
    post.locator(".cheer").focus()
    ada.keyboard.press("Space")
    expect(post.locator(".cheer")).to_have_text("Cheer 1")
    expect(post.locator(".cheer")).to_be_focused()
    post.get_by_label("Comment on").focus()
    ada.keyboard.type("Quick")
    ada.keyboard.press("Enter")
    expect(post.locator(".comments li")).to_contain_text("Quick")
    expect(post.get_by_label("Comment on")).to_be_focused()


def test_markup_is_text(two):
    ada, ben = two
    tell(ada, NASTY)
    comment(ada, NASTY[:10], NASTY)
    for page in two:
        expect(post_of(page, NASTY[:10]).locator(".comments")).to_contain_text(NASTY)
        assert "broken" not in page.title()


def test_a_stranger_sees_none_of_it(two, visit):  # noqa: F811
    ada, _ = two
    tell(ada, "For friends only")
    expect(post_of(ada, "For friends only")).to_have_count(1)
    noa = visit("/feed/", "noa")
    is_open(noa)
    expect(noa.locator("#empty")).to_be_visible()
    expect(noa.locator("#posts > li")).to_have_count(0)


def test_the_end_of_a_friendship_empties_all_pages_at_once(visit):  # noqa: F811
    ben, cleo = visit("/feed/", "ben"), visit("/feed/", "cleo")
    tell(ben, "Stays with ben")
    for number in range(25):
        tell(cleo, f"Mine {number}, as long as we are friends")
    ben.get_by_role("button", name="Load older posts").click()
    expect(post_of(ben, "Stays with ben")).to_have_count(1)
    expect(post_of(ben, "as long as we are friends")).to_have_count(25)
    is_gone = """async () => (await fetch("/api/friends/ben/", {
        method: "DELETE",
        headers: { "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value },
    })).status"""
    assert cleo.evaluate(is_gone) == 204
    expect(post_of(ben, "as long as we are friends")).to_have_count(0)
    expect(post_of(ben, "Stays with ben")).to_have_count(1)
    expect(post_of(cleo, "as long as we are friends")).not_to_have_count(0)


def test_what_one_does_not_see_for_a_block_is_not_counted_either(visit):  # noqa: F811
    """Else one learns that somebody blocked has said something to a common friend."""
    ada, cleo, leo = (visit("/feed/", name) for name in ("ada", "cleo", "leo"))
    tell(cleo, "For both of you")
    expect(post_of(ada, "For both of you")).to_have_count(1)
    block = """async () => (await fetch("/api/blocks/leo/", {
        method: "POST",
        headers: { "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value },
    })).status"""
    assert ada.evaluate(block) == 204
    comment(leo, "For both of you", "Not for ada")
    expect(post_of(cleo, "For both of you").locator(".comments li")).to_have_count(1)
    home = visit("/", "ada")
    is_open(home)
    expect(home.locator("#posts li").first).to_contain_text("0 comments")
    for number, text in enumerate(("One", "Two"), 1):
        comment(cleo, "For both of you", text)
        expect(post_of(ada, "For both of you").locator(".comments li")).to_have_count(number)
        expect(post_of(ada, "For both of you").locator(".all")).to_be_hidden()
        expect(home.locator("#posts li").first).to_contain_text(f"{number} comment")
    expect(post_of(cleo, "For both of you").locator(".all")).to_be_hidden()


def test_what_went_wrong_is_not_said_any_more_when_it_is_over(two):
    ada, _ = two
    line, hear = wired(ada)
    alert = ada.locator("#problem")
    answers = [
        {"type": "error", "code": "too_fast", "detail": "wait a moment"},
        {"type": "feed", "posts": [], "before": 1, "has_older": False},
    ]
    line.on_message(lambda _: hear(**answers.pop(0)))
    hear(type="feed", posts=[shown(1)], before=None, has_older=True)
    ada.get_by_role("button", name="Load older posts").click()
    expect(alert).to_have_text("Too fast: what waits is sent again in a moment.")
    expect(alert).to_have_text("")
    hear(type="closing", code=4013, reason="try again later")
    expect(alert).to_have_text("Try again later.")
    line.close(code=4013)
    expect(alert).to_have_text("")
    is_open(ada)


def test_comments_are_counted_once_whichever_comes_first(two):
    """Two servers may tell of two comments in the other order, and a recheck of both again."""
    ada, _ = two
    _, hear = wired(ada)

    def told(*numbers: int) -> None:
        for number in numbers:
            hear(type="comment_created", post_id=1, number=number, comment=said(number))

    hear(type="feed", posts=[shown(7, 5, (5, 6, 7))], before=None, has_older=False)
    comments, rest = ada.locator(".comments .said"), ada.locator(".all")
    expect(rest).to_have_text("Earlier comments (2)")
    told(6, 3, 9, 8, 9)
    expect(comments).to_have_text(["5", "6", "7", "8", "9"])
    expect(rest).to_have_text("Earlier comments (2)")
    hear(type="feed_changed", posts=[shown(9, 7, (7, 8, 9))])
    hear(type="feed_changed", posts=[shown(8, 99, (8,))])  # older than what is known
    told(9, 10)
    expect(comments).to_have_text(["5", "6", "7", "8", "9", "10"])
    expect(rest).to_have_text("Earlier comments (2)")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_it_is_readable_for_all(visit, width, scheme):  # noqa: F811
    how = {"color_scheme": scheme, "viewport": {"width": width, "height": 740}}
    ada = visit("/feed/", "ada", **how)
    text = f"A word of {'extraordinary' * 6} length, {scheme}"
    tell(ada, text)
    comment(ada, text, "Commented" * 12)
    post_of(ada, text).locator(".cheer").click()
    expect(post_of(ada, text).locator(".cheer")).to_have_text("Cheer 1")
    assert ada.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = "all => all.filter((one) => one.offsetHeight && one.offsetHeight < 44).length"
    assert ada.locator("main :is(button, input, textarea, select)").evaluate_all(small) == 0
    found = Axe().run(ada, "main").response["violations"]
    assert not found, [(one["id"], one["nodes"][0]["html"]) for one in found]
