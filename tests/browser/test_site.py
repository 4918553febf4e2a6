"""The built site in a browser: front page, search, schemes, narrow screens, and no other host."""

import contextlib
import re
import socket

import pytest
import yaml
from conftest import ROOT
from pages import pages
from playwright.sync_api import expect

ADDRESSES = sorted(re.sub(r"(^|/)index$", r"\1", page.name.removesuffix(".md")) for page in pages())
STEPS = [str(int(path.parent.name[4:6])) for path in sorted(ROOT.glob("step*_*/manage.py"))]
ADDRESSES = [f"{name}/" if name and not name.endswith("/") else name for name in ADDRESSES]


def dead_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def with_ports(page, **ports: int) -> None:
    """Have the site look for the steps on these ports; nothing listens on the others."""
    found = {name: dead_port() for name in [*STEPS, "work"]} | ports
    page.add_init_script(f"window.WIRE_TRACE_PORTS = {found};")


def test_front_page_names_the_six_steps(page, site):
    with_ports(page)
    page.goto(site)
    rows = page.locator("table").first.locator("tbody tr")
    expect(rows).to_have_count(6)
    written = {path.name[4:6] for path in ROOT.glob("step*_*") if (path / "manage.py").exists()}
    for row in rows.all():
        number = row.inner_text()[:2]
        assert ("not written yet" in row.inner_text()) == (number not in written)
        expect(row.locator("a")).to_have_count(1 if number in written else 0)


def test_front_page_replays_a_connection(page, site):
    with_ports(page)
    page.goto(site)
    trace = page.locator("wire-trace")
    expect(trace.get_by_text("handshake").first).to_be_visible()
    expect(trace.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.slow
def test_doors_lead_somewhere(page, site):
    with_ports(page)
    page.goto(site)
    for door in page.locator("ul.cards a").all():
        answer = page.request.get(door.evaluate("a => a.href"))
        assert answer.ok, answer.url


def test_links_to_the_steps_follow_the_ports(page, site):
    with_ports(page, **{"1": 8101, "3": 8103, "work": 8109})
    page.goto(site)
    own = page.locator("article a[href='http://127.0.0.1:8109/']")
    expect(own).to_have_text(["http://127.0.0.1:8109/", "your own folder work/ at :8109"])
    expect(page.locator("a[href='http://127.0.0.1:8101/']")).to_have_text("step 01 at :8101")
    page.goto(site + "steps/step03_consumers/")
    link = page.locator("a[href='http://127.0.0.1:8103/lifecycle/']")
    expect(link).to_have_text("http://127.0.0.1:8103/lifecycle/")


def test_addresses_in_the_text_follow_the_ports_and_recordings_do_not(page, site):
    with_ports(page, **{"4": 8104, "5": 8105})
    page.goto(site + "steps/step05_auth/")
    article = page.locator("article")
    typed = 'new WebSocket("ws://127.0.0.1:8105/ws/whoami/")'
    expect(article.locator("p code", has_text=typed).first).to_be_attached()
    expect(article.locator("p", has_text="You are logged in at :8105")).to_have_count(1)
    expect(article.locator("p", has_text=":8004")).to_have_count(0)
    recorded = page.locator("wire-trace").first.locator("script").text_content()
    assert "127.0.0.1:8004" in recorded


def test_a_stacked_table_names_its_columns_on_a_phone(page, site):
    """Its head is hidden there: without the names nobody knows which cell says what."""
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(site + "operate/secure/")
    cell = page.locator(".stack td[data-head=test]").first
    before = cell.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert "test" in before
    first = page.locator(".stack td:first-child").first
    assert first.evaluate("cell => getComputedStyle(cell, '::before').content") == "none"


def one_runs() -> re.Pattern:
    """With the time when that was so: nothing looks again by itself."""
    return re.compile(rf"Running at \d\d:\d\d:\d\d: 1 of {len(STEPS)} steps\.")


def test_panel_says_that_nothing_runs(page, site):
    with_ports(page)
    page.goto(site)
    panel = page.locator("[data-running]")
    expect(panel.get_by_text("No step is running.")).to_be_visible()
    expect(panel.get_by_text("python3 -m course serve")).to_be_visible()
    expect(panel.get_by_text("py -m course serve")).to_be_visible()
    expect(panel.locator("li[data-state=stopped]")).to_have_count(len(STEPS) + 1)


def test_panel_links_to_what_runs(page, site, step_server):
    server = step_server(3)
    with_ports(page, **{"3": server.port})
    page.goto(site)
    running = page.locator("[data-running] li[data-state=running]")
    expect(running).to_have_count(1)
    expect(running).to_contain_text("step 03")
    expect(running.locator("a")).to_have_attribute("href", server.http())
    expect(page.locator("[data-running]")).to_contain_text(one_runs())


@pytest.mark.slow
def test_panel_does_not_take_another_program_for_a_step(page, site, step_server):
    other = int(site.rsplit(":", 1)[1].strip("/"))
    with_ports(page, **{"1": other, "2": step_server(3).port})
    page.goto(site)
    expect(page.get_by_text("No step is running.")).to_be_visible()


@pytest.mark.slow
def test_panel_looks_again_when_asked(page, site, step_server):
    with_ports(page)
    page.goto(site)
    expect(page.get_by_text("No step is running.")).to_be_visible()
    page.evaluate(f"window.WIRE_TRACE_PORTS['3'] = {step_server(3).port}")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text(one_runs())).to_be_visible()


def test_search_finds_without_a_network(page, site):
    """The page fixture fails on a request to any other host, the search's worker included."""
    page.goto(site + "recipes/")
    box = page.get_by_placeholder("Search")
    box.click()
    result = page.locator(".md-search-result__item", has_text="Troubleshooting")
    for _ in range(20):
        # What is typed before the index is ready finds nothing; the next letter looks again.
        box.fill("")
        box.press_sequentially("StopConsumer")
        with contextlib.suppress(AssertionError):
            expect(result).to_be_visible(timeout=1000)
            break
    expect(result).to_contain_text("StopConsumer")
    result.locator("a").first.click()
    expect(page.locator("h1")).to_have_text(re.compile("^Troubleshooting"))


def background(page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.slow
def test_schemes_follow_the_system_and_the_toggle(page, site):
    light, dark = "rgb(255, 255, 255)", "rgb(18, 24, 26)"
    page.emulate_media(color_scheme="dark")
    page.goto(site + "troubleshooting/")
    assert background(page) == dark
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"getComputedStyle(document.body).backgroundColor === '{light}'")
    page.get_by_title("Switch to light").click()
    page.get_by_title("Switch to dark").click()
    page.wait_for_function(f"getComputedStyle(document.body).backgroundColor === '{dark}'")
    page.reload()
    assert background(page) == dark, "the choice is not kept"


def too_wide(page) -> list[str]:
    """What sticks out to the right of a narrow page, code excepted, which scrolls in itself."""
    return page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
          [...document.querySelectorAll("body *")]
            .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
            .map((e) => e.tagName + "." + e.className).slice(0, 5)
            .concat(["the page is " + document.documentElement.scrollWidth + " px wide"])"""
    )


@pytest.mark.slow
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_horizontal_scroll_at_360_px(page, site, address):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(site + address)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert not too_wide(page)
    for trace in page.locator("wire-trace").all():
        # Markdown must not have torn the element apart: the table is inside, for no JavaScript.
        assert trace.evaluate("e => e.querySelector('noscript').textContent.includes('<table')")
        expect(trace.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_are_there_in_the_scheme_of_the_page(page, site, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(site + "steps/step01_setup/")
    shown = [p for p in page.locator("article img").all() if p.is_visible()]
    assert shown
    for picture in shown:
        assert f"-{scheme}.png" in picture.get_attribute("src")
        picture.scroll_into_view_if_needed()
        page.wait_for_function(
            "p => p.complete && p.naturalWidth > 0", arg=picture.element_handle()
        )


def test_without_javascript_the_page_holds_the_same(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site)
    expect(page.locator("wire-trace table")).to_contain_text("handshake")
    expect(page.locator("[data-running]")).to_contain_text("python3 -m course serve")
    context.close()


def test_panel_lists_every_step(page, site):
    with_ports(page)
    page.goto(site)
    listed = page.locator("[data-running] li").evaluate_all(
        "all => all.map(li => li.dataset.folder)"
    )
    steps = sorted(p.name for p in ROOT.glob("step*_*") if (p / "manage.py").exists())
    assert listed == [*steps, "work"]


def test_another_host_and_an_exception_are_noticed(page, site):
    page.goto(site + "recipes/")
    page.evaluate("fetch('http://elsewhere.invalid/').catch(() => {})")
    page.evaluate("setTimeout(() => { throw new Error('on purpose') })")
    page.wait_for_function("() => new Promise((done) => setTimeout(() => done(true), 0))")
    assert page.abroad == ["http://elsewhere.invalid/"]
    assert ["on purpose" in text for text in page.uncaught] == [True]
    page.abroad.clear()
    page.uncaught.clear()


def test_addresses_are_those_of_the_navigation():
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert len(ADDRESSES) == len(set(re.findall(r"[\w/.-]+\.md", str(config["nav"]))))


@pytest.mark.slow
def test_the_copy_button_takes_the_commands_of_a_console_block(page, site):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(site + "steps/step01_setup/")
    block = page.locator(".language-console").first
    expect(block).to_contain_text("$ python manage.py migrate")
    block.hover()
    block.get_by_role("button").click()
    expect(page.get_by_text("Copied to clipboard")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    commands = ["python manage.py migrate", "python manage.py check_setup"]
    assert [line for line in copied if line] == commands
    expect(block).to_contain_text("ok    Python")
