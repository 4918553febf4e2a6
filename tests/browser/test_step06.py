"""Step 06's pages: a workout that others watch while it happens, in real browsers."""

from __future__ import annotations

import json
import re
import signal
from textwrap import dedent

import pytest
from conftest import ROOT, Server, start_daphne, with_quick_passwords
from playwright.sync_api import Page, expect

from browser.conftest import manage
from browser.test_step04 import LOOKS, check, is_open, say, texts
from browser.test_step05 import NASTY, log_in, open_page, tab_to, word  # noqa: F401  a fixture

STEP = ROOT / "step06_fitness_app"
RIDE = STEP / "data/workouts/indoor-trainer.fit"
BROKEN = STEP / "data/workouts/broken-crc.fit"
LINES = """window.lines = [];
    const Line = WebSocket;
    window.WebSocket = class extends Line {
      constructor(...all) { super(...all); lines.push(this); }
    };"""
ROOMY = {"CONNECTS_PER_MINUTE": "10000", "USER_MESSAGES_PER_MINUTE": "10000"}


@pytest.fixture(scope="module")
def folder(filled):
    """A copy of the step with a database of its own, and the demo's people in it."""
    return filled(STEP, "demo", "--data-only")


def start(folder, *options: str, **settings: str) -> Server:
    environment = {"PYTHONPATH": str(ROOT), **with_quick_passwords(folder), **ROOMY, **settings}
    return start_daphne(folder, *options, application="course.tap:application", env=environment)


@pytest.fixture(scope="module")
def server(folder):
    server = start(folder)
    yield server
    server.stop()


@pytest.fixture
def visit(open_page, server):  # noqa: F811
    """Somebody in a browser of their own, at a page that asked them to log in first."""

    def visit(path: str, name: str, at: Server = server, **options) -> Page:
        page = open_page(at.http(f"/login/?next={path}"), **options)
        log_in(page, name)
        expect(page).to_have_url(at.http(path))
        return page

    return visit


def says(page: Page, text: str | re.Pattern) -> None:
    expect(page.locator("#says")).to_have_text(text)


def begin(page: Page, kind: str = "cycling", privacy: str = "friends") -> None:
    """Start a workout at /live/, where none may go on from another test."""
    is_open(page)
    expect(page.locator("#says")).not_to_have_text("Connecting …")
    if page.locator("#run").is_visible():
        finish(page)
    page.get_by_label("Kind").select_option(kind)
    page.get_by_label("Who may see it").select_option(privacy)
    page.get_by_role("button", name="Start", exact=True).click()
    says(page, "Your workout runs.")


def play(page: Page, speed: int = 10) -> None:
    page.get_by_label("Speed").select_option(str(speed))
    page.get_by_role("button", name="Play a recording").click()
    figure(page, "heart_rate", r"\d+")


def finish(page: Page) -> None:
    page.get_by_role("button", name="Finish").click()
    says(page, re.compile("^Finished: "))


def log_set(page: Page, exercise: str, reps: int = 10, weight: str = "20") -> None:
    page.get_by_label("Exercise").fill(exercise)
    page.get_by_label("Repetitions").fill(str(reps))
    page.get_by_label("Weight").fill(weight)
    page.get_by_role("button", name="Log set").click()


def figure(page: Page, measure: str, pattern: str) -> None:
    expect(page.locator(f"[data-measure={measure}]")).to_have_text(re.compile(f"^{pattern}$"))


def clock_of(page: Page) -> int:
    """The seconds that *Time* shows."""
    minutes, seconds = page.locator("#time").text_content().split(":")
    return int(minutes) * 60 + int(seconds)


def rows_of(page: Page) -> list:
    """What a finished workout's page charts."""
    return json.loads(page.locator("#rows").text_content())


def see(page: Page) -> None:
    """From the end of a live workout to its page."""
    page.get_by_role("link", name="See it").click()
    expect(page.get_by_role("heading", name="Who may see it")).to_be_visible()


# Two windows


def test_one_trains_and_another_watches(visit):
    ada, ben = visit("/live/", "ada"), visit("/live/ada/", "ben")
    begin(ada)
    says(ben, "Watching ada live.")
    play(ada)
    for page in (ada, ben):
        for measure in ("heart_rate", "power", "cadence"):
            figure(page, measure, r"\d+")
        figure(page, "distance", "–")
    log_set(ada, "deadlift", 5, "82.5")
    expect(ben.locator("#sets td")).to_have_text(["deadlift", "1 × 5", "82.5 kg"])
    expect(ada.locator("#time")).to_have_text(re.compile(r"^(\d:\d\d|0:[3-5]\d)$"))
    before = clock_of(ada)
    ada.get_by_role("button", name="Pause").click()
    says(ada, "Your workout is paused.")
    says(ben, "ada pauses.")
    for page in (ada, ben):  # a recording that is played faster is ahead of the clock on the wall
        assert before <= clock_of(page) <= before + 30
    expect(ada.get_by_role("button", name="Play a recording")).to_be_disabled()
    ada.get_by_role("button", name="Go on").click()
    says(ben, "Watching ada live.")
    finish(ada)
    says(ben, re.compile(r"^Finished: \d+ (s|min), \d+ bpm on average, \d+ W on average, 5 rep"))
    expect(ben.locator("#sets tr")).to_have_count(1)
    see(ada)
    expect(ada.locator("#sets")).to_contain_text("82.5 kg")
    assert len(rows_of(ada)) > 2


def test_who_comes_late_sees_what_was_before(visit):
    ada = visit("/live/", "ada")
    begin(ada)
    play(ada)
    log_set(ada, "plank")
    expect(ada.locator("#time")).to_have_text(re.compile(r"^(1:\d\d|0:[345]\d)$"))
    ben = visit("/live/ada/", "ben")
    says(ben, "Watching ada live.")
    figure(ben, "heart_rate", r"\d+")
    late, own = clock_of(ben), clock_of(ada)  # in this order: it goes on, ten times as fast
    assert late - 2 <= own <= late + 30, "the time is not the workout's"
    expect(ben.locator("#sets")).to_contain_text("plank")
    figure(ben, "heart_rate", r"\d+")
    ben.get_by_text("Minute by minute").click()
    first = ben.locator("#minutes tbody tr").first
    expect(first.locator("th")).to_have_text("0:00")
    expect(first.locator("td").first).to_have_text(re.compile(r"^\d\d+$"))
    finish(ada)


@pytest.mark.slow
def test_a_line_that_dies_in_silence_is_not_shown_as_open(visit, folder):
    """A server that is stopped closes nothing, as a lost Wi-Fi does not."""
    own = start(folder)
    try:
        ben = visit("/live/", "ben", at=own)
        is_open(ben)
        ben.clock.install()
        ben.reload()  # so that its timers are of this clock
        is_open(ben)
        own.process.send_signal(signal.SIGSTOP)
        ben.clock.run_for(31_000)
        expect(ben.locator("#status .word")).to_contain_text("connecting")
        own.process.send_signal(signal.SIGCONT)
        ben.clock.resume()
        is_open(ben)
    finally:
        own.process.send_signal(signal.SIGCONT)
        own.stop()


def test_what_is_measured_while_the_server_is_away_is_not_lost(visit, folder):
    first = start(folder)
    again = None
    try:
        ada, ben = visit("/live/", "ada", at=first), visit("/live/ada/", "ben", at=first)
        begin(ada)
        play(ada)
        figure(ben, "heart_rate", r"\d+")
        first._end(hard=True)
        first.process.wait(10)
        for page in (ada, ben):
            says(page, "Not connected: this is how it was last.")
        log_set(ada, "away")
        ada.get_by_label("Exercise").fill("half a thou")
        expect(ada.locator("#unsaved")).to_have_text(re.compile(r"^[3-9]\d not stored yet"))
        before = clock_of(ada)
        again = start(folder, "-p", str(first.port))
        for page in (ada, ben):
            page.evaluate("document.getElementById('now').click()")
            expect(page.locator("#status")).to_have_attribute("data-state", "open", timeout=40_000)
        says(ada, "Your workout runs.")
        assert clock_of(ada) >= before, "the time jumped back"
        says(ben, "Watching ada live.")
        expect(ben.locator("#sets td").first).to_have_text("away")
        expect(ada.locator("#unsaved")).to_be_empty()
        expect(ada.get_by_label("Exercise")).to_have_value("half a thou")
        finish(ada)
        see(ada)
        times = [row[0] for row in rows_of(ada)]
        assert len(times) > 40
        # The recording has one row a second, and now and then one that measured nothing.
        gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
        assert max(gaps) <= 3, times
    finally:
        first.stop()
        if again:
            again.stop()


@pytest.mark.slow
def test_a_reload_keeps_what_was_entered(visit):
    ada = visit("/live/", "ada")
    begin(ada)
    ada.get_by_label("Exercise").fill("bench pr")
    ada.get_by_label("Weight").fill("61.25")
    ada.reload()
    expect(ada.get_by_label("Exercise")).to_have_value("bench pr")
    expect(ada.get_by_label("Weight")).to_have_value("61.25")
    says(ada, "Your workout runs.")
    finish(ada)


def test_a_workout_that_was_forgotten_for_a_week_can_be_finished(visit, folder):
    ben = visit("/live/", "ben")
    begin(ben)
    weeks_ago = """
        from datetime import timedelta
        from workouts.models import State, Workout
        workout = Workout.objects.exclude(state=State.FINISHED).get(owner__username="ben")
        workout.started_at -= timedelta(days=8)
        workout.save()
    """
    manage(folder, "shell", "--verbosity", "0", "--command", dedent(weeks_ago))
    ben.reload()
    says(ben, "Your workout runs.")
    ben.get_by_role("button", name="Play a recording").click()
    expect(ben.locator("#problem")).to_have_text("This one has run for a week: finish it first.")
    # What is kept nevertheless, from before or of another device, is tried once and given up.
    ben.add_init_script(
        """if (!sessionStorage.late) {
          sessionStorage.late = true;
          const kept = JSON.parse(sessionStorage["live ben"]);
          const sample = (_, number) => ({ time: 700_000 + number, heart_rate: 100 });
          kept.samples = Array.from({ length: 25 }, sample);
          sessionStorage["live ben"] = JSON.stringify(kept);
        }"""
    )
    ben.reload()
    word(ben, re.compile("^closed 4400"))
    ben.reload()
    is_open(ben)
    says(ben, "Your workout runs.")
    finish(ben)


def test_a_change_that_was_too_fast_is_told_and_finish_is_tried_again(visit):
    mia = visit("/live/", "mia")
    begin(mia)
    left_out = ["workout_pause", "workout_finish"]
    why = {"type": "error", "code": "too_fast", "detail": "no more than 30 changes a minute"}

    def between(line):
        """Each of them is refused once."""
        server = line.connect_to_server()

        def pass_on(frame):
            if (kind := json.loads(frame)["type"]) not in left_out:
                return server.send(frame)
            left_out.remove(kind)
            line.send(json.dumps(why))

        line.on_message(pass_on)

    mia.route_web_socket("**/ws/workout/**", between)
    mia.clock.install()
    mia.reload()
    says(mia, "Your workout runs.")
    mia.get_by_role("button", name="Pause").click()
    expect(mia.locator("#problem")).to_have_text("Not done: no more than 30 changes a minute.")
    mia.get_by_role("button", name="Finish").click()
    words = "Not finished yet, and tried again: no more than 30 changes a minute."
    expect(mia.locator("#problem")).to_have_text(words)
    expect(mia.get_by_role("button", name="Finish")).to_be_disabled()
    mia.clock.fast_forward(16_000)
    says(mia, re.compile("^Finished: "))
    expect(mia.locator("#problem")).to_have_text("")


def test_finish_into_a_dead_line_is_sent_again_but_never_for_another_workout(visit):
    mia = visit("/live/", "mia")
    begin(mia)
    mia.add_init_script(LINES)
    mia.reload()
    line = "lines.findLast(({ url }) => url.includes('/ws/workout/'))"

    def finish_in_vain() -> None:
        says(mia, "Your workout runs.")
        mia.evaluate(f"{line}.send = () => {{}}")
        mia.get_by_role("button", name="Finish").click()

    finish_in_vain()
    mia.evaluate(f"{line}.close()")
    says(mia, re.compile("^Finished: "))
    begin(mia)
    finish_in_vain()
    mia.context.set_offline(True)
    mia.evaluate(f"{line}.close()")
    expect(mia.locator("#status .word")).to_contain_text("connecting")
    other = visit("/live/", "mia")
    finish(other)
    begin(other)
    mia.context.set_offline(False)
    says(mia, "Your workout runs.")
    log_set(mia, "later")  # whatever came before it is answered when this is
    expect(other.locator("#sets td").first).to_have_text("later")
    says(other, "Your workout runs.")


# Twenty a second

WATCH_OVER = """() => {
  window.shifts = 0;
  window.spoken = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) shifts += entry.value;
  }).observe({ type: "layout-shift" });
  for (const region of document.querySelectorAll("[role=status], [role=alert], [aria-live]"))
    new MutationObserver(() => spoken.push(region.id || region.textContent))
      .observe(region, { childList: true, characterData: true, subtree: true });
  return document.fonts.ready.then(() => true);
}"""
# A second tab of hers, as a sensor's program would be: 20 samples a second, of one digit to four.
FEED = """(many) => new Promise((done, fail) => {
  const id = document.getElementById("board").dataset.id;
  const socket = new WebSocket(`ws://${location.host}/ws/workout/${id}/`);
  socket.onclose = fail;
  socket.onmessage = ({ data }) => {
    const { type, workout } = JSON.parse(data);
    if (type !== "workout_state" || !workout) return;
    socket.onmessage = null;
    let number = 0;
    const timer = setInterval(() => {
      const sample = { type: "workout_update", time: workout.time + number / 20,
        heart_rate: 60 + (number * 7) % 150, power: (number * 37) % 1500,
        cadence: (number * 11) % 200, distance: 10 ** (number % 6) };
      socket.send(JSON.stringify(sample));
      if (++number < many) return;
      clearInterval(timer);
      done(number);
    }, 50);
  };
})"""


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
def test_twenty_updates_a_second_move_nothing_and_are_not_read_aloud(visit, width):
    ada = visit("/live/", "ada")
    begin(ada)
    ben = visit("/live/ada/", "ben", viewport={"width": width, "height": 900})
    says(ben, "Watching ada live.")
    boxes = "[...document.querySelectorAll('main *')].map((e) => [e.offsetTop, e.offsetHeight])"
    before = ben.evaluate(boxes)
    ben.evaluate(WATCH_OVER)
    assert ada.evaluate(FEED, 80) == 80
    figure(ben, "power", str(79 * 37 % 1500))
    assert ben.evaluate("shifts") == 0
    assert ben.evaluate(boxes) == before
    assert ben.evaluate("spoken") == []
    # The observers see what they are there for.
    ben.evaluate(
        """() => { document.getElementById("says").textContent = "moved";
        document.querySelector("main").prepend(Object.assign(document.createElement("p"),
          { textContent: "pushed", style: "height: 200px" })); }"""
    )
    ben.wait_for_function("shifts > 0 && spoken.length > 0")
    finish(ada)


# Who may


@pytest.mark.slow
def test_who_may_not_watch_reads_so_and_learns_nothing(visit, server):
    noa = visit("/live/ada/", "noa")  # has asked to be her friend
    main = noa.get_by_role("main")
    refused = main.inner_text()
    assert "not shown to you" in refused
    noa.goto(server.http("/live/nobody-of-that-name/"))
    assert main.inner_text() == refused
    visit("/live/", "noa").close()
    for path in ("/workouts/1/", "/workouts/999999999999999999999999/"):
        noa.goto(server.http(path))
        expect(main).to_contain_text("no such workout")


@pytest.mark.slow
def test_whoever_loses_the_right_stops_seeing(visit, server):
    leo, mia = visit("/live/", "leo"), visit("/live/leo/", "mia")
    begin(leo)
    says(mia, "Watching leo live.")
    leo.goto(server.http("/people/mia/"))
    leo.get_by_role("button", name="Unfriend").click()
    word(mia, re.compile("^closed 4403"))
    says(mia, "There is nothing here for you to watch.")


@pytest.mark.slow
def test_text_is_never_html(visit, server):
    ada, ben = visit("/live/", "ada"), visit("/live/ada/", "ben")
    begin(ada, "strength")
    nasty = NASTY[:80]
    log_set(ada, nasty)
    for page in (ada, ben):
        expect(page.locator("#sets td").first).to_have_text(nasty)
    finish(ada)
    see(ada)
    expect(ada.locator("#sets td").first).to_have_text(nasty)
    for page in (ada, ben):
        assert page.title() != "broken"
        assert page.locator("main img, main table script").count() == 0


# The other pages


@pytest.mark.slow
def test_home_says_who_trains_now_and_what_is_new(visit, server, open_page):  # noqa: F811
    ada = visit("/live/", "ada")
    begin(ada)
    ben = visit("/", "ben")
    ben.get_by_role("link", name="Watch ada").click()
    says(ben, "Watching ada live.")
    ben.goto(server.http("/"))
    expect(ben.locator("#latest li").first).to_be_visible()
    expect(ben.get_by_role("main")).to_contain_text("Your last seven days")
    finish(ada)
    ben.reload()
    expect(ben.get_by_role("link", name="Watch ada")).to_have_count(0)
    nobody = open_page(server.http("/"))
    expect(nobody.get_by_role("main")).to_contain_text("shows a workout while it happens")
    expect(nobody.locator("button")).to_have_count(0)  # none of the demo


@pytest.mark.slow
def test_one_click_is_somebody_of_the_demo(folder, open_page):  # noqa: F811
    demo = start(folder, DEMO="1")
    try:
        page = open_page(demo.http("/"))
        page.get_by_role("button", name="Be ben").click()
        expect(page.locator("#me")).to_have_text("ben")
    finally:
        demo.stop()


@pytest.mark.slow
def test_a_file_of_a_device_becomes_a_workout(visit, server):
    noa = visit("/workouts/", "noa")
    upload = noa.get_by_role("button", name="Bring it in")
    noa.get_by_label("A FIT file").set_input_files(BROKEN)
    upload.click()
    expect(noa.get_by_role("alert")).to_contain_text("damaged")
    expect(noa.get_by_label("A FIT file")).to_be_focused()
    noa.get_by_label("A FIT file").set_input_files(RIDE)
    upload.click()
    expect(noa.get_by_role("heading", level=1)).to_contain_text("Cycling")
    expect(noa.locator("dl")).to_contain_text("38 min")
    noa.get_by_label("Shown to").select_option("public")
    noa.get_by_role("button", name="Change").click()
    expect(noa.locator(".notice")).to_have_text("It is shown to everybody here now.")
    noa.goto(server.http("/workouts/"))
    noa.get_by_label("A FIT file").set_input_files(RIDE)
    upload.click()
    expect(noa.get_by_role("alert")).to_contain_text("there already")
    noa.locator(".rows a").click()
    noa.get_by_text("Delete", exact=True).click()
    noa.get_by_role("button", name="Delete this workout").click()
    expect(noa.locator(".notice")).to_have_text("The workout is deleted.")
    expect(noa.get_by_role("main")).to_contain_text("None yet.")


@pytest.mark.parametrize(
    ("path", "button"),
    [("/workouts/", "Bring it in"), ("/chat/1/", "Send"), ("/feed/", "Post"), ("/live/", "Start")],
)
def test_nothing_leaves_the_page_before_its_script_is_there(visit, path, button):
    """On slow Wi-Fi a click would show the answer of the API, or load the page anew."""
    ben = visit(path, "ben")
    ready = ben.get_by_role("button", name=button, exact=True)
    expect(ready).to_be_enabled()
    ben.route("**/*.js", lambda route: route.abort())
    ben.reload()
    expect(ready).to_be_disabled()


def test_a_set_does_not_leave_the_page_either(visit):
    """Its form is shown while a workout goes on."""
    ben = visit("/live/", "ben")
    begin(ben)
    ready = ben.get_by_role("button", name="Log set")
    expect(ready).to_be_enabled()
    ben.route("**/*.js", lambda route: route.abort())
    ben.reload()
    expect(ready).to_be_disabled()


def talk(visit, server: Server, name: str, other: str) -> Page:
    page = visit("/chat/", name)
    page.locator(".rows").get_by_role("link", name=other, exact=True).click()
    is_open(page)
    return page


def test_a_conversation_shows_who_types(visit, server):
    ada, ben = talk(visit, server, "ada", "ben"), talk(visit, server, "ben", "ada")
    ben.locator("#text").press_sequentially("h")
    expect(ada.locator("#typing")).to_have_text("ben is typing …")
    expect(ben.locator("#typing")).to_be_empty()
    say(ben, "hi there")
    expect(texts(ada).last).to_have_text("hi there")
    expect(ada.locator("#typing")).to_be_empty()
    expect(ben.locator(".state").last).to_have_text("read by ada")


@pytest.mark.slow
def test_who_stops_typing_is_off_the_line_by_time(visit, server):
    ada, ben = talk(visit, server, "ada", "ben"), talk(visit, server, "ben", "ada")
    ada.clock.install()
    ben.evaluate(
        """() => { const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (data) {
          if (!data.includes('"is_typing":false')) send.call(this, data);
        }; }"""
    )
    ben.locator("#text").press_sequentially("h")
    expect(ada.locator("#typing")).to_have_text("ben is typing …")
    ada.clock.run_for(6_500)
    expect(ada.locator("#typing")).to_be_empty()


@pytest.mark.slow
def test_who_is_no_friend_any_more_reads_on_and_keeps_what_they_typed(visit, server):
    cleo = visit("/chat/", "cleo")
    cleo.get_by_label("Talk to").fill("leo")
    cleo.get_by_role("button", name="Begin").click()
    is_open(cleo)
    say(cleo, "bye")
    expect(cleo.locator(".state").last).to_have_text("sent")
    cleo.add_init_script(LINES)
    cleo.reload()
    is_open(cleo)
    leo = visit("/people/cleo/", "leo")
    leo.get_by_role("button", name="Unfriend").click()
    cleo.context.set_offline(True)
    cleo.evaluate("lines.findLast(({ url }) => url.includes('/ws/chat/')).close()")
    expect(cleo.locator("#status")).to_contain_text("connecting")
    say(cleo, "one more thing")
    say(cleo, "and another")
    cleo.locator("#text").fill("a draft")
    cleo.context.set_offline(False)
    cleo.evaluate("document.getElementById('now').click()")
    expect(cleo.locator("#problem")).to_have_text(re.compile("^Not sent: "))
    expect(cleo.locator("#text")).to_have_value("one more thing and another a draft")
    expect(texts(cleo)).to_have_text(["bye"])


def test_what_is_too_long_comes_back_and_is_not_sent_again(visit, server):
    """As it is when several come back, joined: `maxlength` does not bind a script."""
    ben = talk(visit, server, "ben", "ada")
    key = f"ben /ws/chat/{ben.locator('#talk').get_attribute('data-id')}/"
    long = "x" * 2001
    kept = {"draft": "", "waiting": [["tab.1", long], ["tab.2", "this one fits"]]}
    ben.add_init_script(f"sessionStorage[{key!r}] = {json.dumps(json.dumps(kept))}")
    ben.reload()
    expect(ben.locator("#text")).to_have_value(long)
    expect(texts(ben).last).to_have_text("this one fits")
    expect(ben.locator("[data-state=sending]")).to_have_count(0)
    ben.get_by_role("button", name="Send").click()
    expect(ben.locator("#problem")).to_have_text("Not sent: 1 character too many.")
    expect(ben.locator("#text")).to_have_value(long)


# For everybody

PAGES = {
    "/": "Home",
    "/live/": "Live",
    "/live/ada/": "Live",
    "/workouts/": "Workouts",
    "/form/": "Form",
    "/form/ada/": "Form",
    "/challenges/": "Challenges",
    "/chat/": "Chat",
    "/chat/1/": "Chat",
    "/people/": "People",
    "/people/ada/": "People",
    "/notifications/": "Bell",
    "/account/": "You are ben",
    "/live/nobody/": "Live",
    "/workouts/999/": "Workouts",
    "/chat/999/": "Chat",
}
SMALL = """() => [...document.querySelectorAll("a, button, input, select, summary")]
  .filter((it) => !it.closest("p, .skip") && it.type !== "hidden")
  .map((it) => (it.type === "checkbox" && it.closest("label")) || it)
  .filter((it) => it.offsetHeight && Math.round(it.getBoundingClientRect().height) < 44)
  .map((it) => it.outerHTML)"""


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_and_nothing_is_cut_off(visit, open_page, server, width, scheme):  # noqa: F811
    options = {"viewport": {"width": width, "height": 740}, "color_scheme": scheme}
    ben = visit("/", "ben", **options)
    for path, current in PAGES.items():
        ben.goto(server.http(path))
        expect(ben.locator(".top [aria-current]")).to_have_text(re.compile(f"^{current}"))
        if ben.locator("#status").count():
            is_open(ben)
        check(ben)
        assert ben.evaluate(SMALL) == [], path
    ben.goto(server.http("/live/"))
    begin(ben)
    play(ben)
    log_set(ben, "clean and jerk, the long way " * 2)
    ben.get_by_text("Minute by minute").click()
    expect(ben.locator("#sets td")).to_have_count(3)
    check(ben)
    finish(ben)
    check(ben)
    see(ben)
    ben.get_by_text("Delete", exact=True).click()
    check(ben)
    for path in ("/", "/login/", "/sign-up/"):
        page = open_page(server.http(path), **options)
        check(page)
        assert page.evaluate(SMALL) == [], path


MIDDLES = """(all) => all.map((it) => {
  const words = document.createRange();
  words.selectNodeContents(it);
  const { top, bottom } = (it.matches("select, button") ? it : words).getBoundingClientRect();
  return Math.round(top + bottom) / 2;
})"""
LEFTS = "(all) => all.map((link) => Math.round(link.getBoundingClientRect().left))"
ROOM = """(item) => {
  const words = document.createRange();
  words.selectNodeContents(item.querySelector(".words"));
  return item.getBoundingClientRect().bottom - words.getBoundingClientRect().bottom;
}"""
BUTTON = """(file) => {
  const { color, backgroundColor } = getComputedStyle(file, "::file-selector-button");
  const other = getComputedStyle(document.querySelector("#log-out button"));
  return color === other.color && backgroundColor === other.backgroundColor;
}"""


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_what_stands_side_by_side_is_in_line_and_the_menu_stays(visit, server, width, scheme):  # noqa: F811
    mia = visit("/live/", "mia", viewport={"width": width, "height": 740}, color_scheme=scheme)
    begin(mia)
    row = mia.locator("#run .actions > button, #speed")
    middles = row.evaluate_all(MIDDLES)
    assert len({*middles}) == (1 if width > 600 else 2), middles  # rows
    finish(mia)
    lefts = set()
    for path in PAGES:
        mia.goto(server.http(path))
        lefts.add(str(mia.locator(".top .pages a").evaluate_all(LEFTS)))
    assert len(lefts) == 1
    mia.goto(server.http("/notifications/"))
    item = mia.locator("#notifications li:not([data-read])").first
    expect(item).to_be_visible()
    new, words = item.locator("strong, .words").evaluate_all(MIDDLES)
    assert abs(new - words) < 1
    item.locator(".words").evaluate("(it) => (it.textContent = 'long '.repeat(60))")
    assert item.evaluate(ROOM) >= 8
    mia.goto(server.http("/workouts/"))
    assert mia.locator("#file").evaluate(BUTTON)


@pytest.mark.slow
def test_the_keyboard_is_enough(open_page, server):  # noqa: F811
    page = open_page(server.http("/login/?next=/live/"))
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("cleo")
    page.keyboard.press("Tab")
    page.keyboard.type("cleo-demo")
    page.keyboard.press("Enter")
    is_open(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Kind")).to_be_focused()
    page.keyboard.type("strength")
    tab_to(page, "Start")
    page.keyboard.press("Enter")
    says(page, "Your workout runs.")
    tab_to(page, "Log set")
    page.keyboard.press("Enter")
    expect(page.locator("#sets td").first).to_have_text("squat")
    page.reload()
    is_open(page)
    tab_to(page, "Finish")
    page.keyboard.press("Enter")
    says(page, re.compile("^Finished: .*10 repetitions, 200 kg lifted"))
