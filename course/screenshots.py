"""Take the pictures of the steps that the pages show, in light and in dark.

Part of `python3 -m course record`. A picture more is an entry more in PICTURES; the files are
docs/assets/screenshots/NAME-light.png and NAME-dark.png, at twice the size a page shows them at.
"""

import shutil
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass

from course.record import serving
from course.steps import ROOT, CourseError, step

FOLDER = ROOT / "docs/assets/screenshots"
WIDTH = 640


@dataclass(frozen=True)
class Picture:
    """Where to go, what to do there, and how much of the page to keep."""

    step: int
    path: str
    prepare: Callable
    until: str  # the picture ends below this element
    width: int = WIDTH
    height: int = 900  # of the window


def polled(page) -> None:
    """A minute of polling: long enough for the counters to say something."""
    page.wait_for_function("Number(document.querySelector('#requests').textContent) >= 60",
                           timeout=90_000)  # fmt: skip


def connected(page) -> None:
    page.locator('button[data-path="/ws/scope/"]').click()
    page.locator("#scope dl, #scope table").first.wait_for()


def echoed(page) -> None:
    """One text there and back on the playground."""
    page.locator("#connect button").click()
    page.locator('#status[data-state="open"]').wait_for()
    page.locator('#send button[type="submit"]').click()
    page.get_by_text("message").first.wait_for()


def played(page) -> None:
    """The first four endings."""
    page.locator('#status[data-state="open"]').wait_for()
    for number in (1, 2, 3, 4):
        page.locator(f"#plays > li:nth-child({number}) button").click()
        page.wait_for_function(
            """(number) => /[^…\\s]/.test(
              document.querySelector(`#plays > li:nth-child(${number}) .server`).textContent)""",
            arg=number,
        )


def raced(page) -> None:
    """Every race, one after another."""
    for race in page.locator("#races > li").all():
        race.locator("button").click()
        race.locator(".total", has_text="s").wait_for()


def talked(page) -> None:
    """Ann makes a room; Bob comes in another browser, says something, and types."""

    def call(page, name: str) -> None:  # as a window that was given this name before
        page.add_init_script(f"sessionStorage.setItem('name', '{name}')")

    def say(page, text: str) -> None:
        page.get_by_label("Message to everybody").fill(text)
        page.get_by_role("button", name="Send").click()

    call(page, "Ann")
    page.get_by_label("A new room").fill("spinning")
    page.get_by_role("button", name="Make it").click()
    page.locator("#people", has_text="Ann (you)").wait_for()
    other = page.context.browser.new_context().new_page()  # closed with the browser
    call(other, "Bob")
    other.goto(page.url)
    page.locator("#people", has_text="Bob").wait_for()
    say(page, "Is the bike by the window free?")
    say(other, "Yes. I am on the one beside it.")
    page.get_by_text("I am on the one").first.wait_for()
    other.get_by_label("Message to everybody").press_sequentially("And br")
    page.get_by_text("Bob is typing").wait_for()


def log_in(page, name: str, path: str) -> None:
    """As somebody of the demo, on the way to a page."""
    page.goto(f"{page.url.split('/', 3)[0]}//{page.url.split('/', 3)[2]}/login/?next={path}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(f"{name}-demo")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{path}")


def met(page) -> None:
    """ben in the lobby, where ada has said something from another browser, and types."""
    other = page.context.browser.new_context().new_page()  # closed with the browser
    other.goto(page.url)
    log_in(page, "ben", "/rooms/lobby/")
    log_in(other, "ada", "/rooms/lobby/")
    page.locator("#people", has_text="ada").wait_for()
    for person, text in ((other, "I sell my bike: 100 euros"), (page, "The blue one?")):
        person.get_by_label("Message to everybody").fill(text)
        person.get_by_role("button", name="Send").click()
        page.get_by_text(text).first.wait_for()
        other.get_by_text(text).first.wait_for()
    other.get_by_label("Message to everybody").press_sequentially("Yes")
    page.get_by_text("ada is typing").wait_for()


def turned_away(page) -> None:
    """cleo, who is no member of the lobby."""
    log_in(page, "cleo", "/rooms/lobby/")


def tried(page) -> None:
    """A ticket, and the same one again."""
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("ada-demo")
    page.get_by_role("button", name="Get tokens").click()
    page.get_by_text("You have the tokens of ada").wait_for()
    for button, end in (("ticket", "open"), ("again", "closed")):
        page.locator(f'[data-try="{button}"]').click()
        page.locator(f'[data-way="ticket"] .answer[data-state="{end}"]').wait_for()


def ride(page) -> None:
    """ada, for four minutes, ten times as fast."""
    log_in(page, "ada", "/live/")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_label("Speed").select_option("10")
    page.get_by_role("button", name="Play a recording").click()
    page.locator("#time", has_text="4:").wait_for(timeout=60_000)


def trained(page) -> None:
    """ada rides, in another browser."""
    other = page.context.browser.new_context().new_page()  # closed with the browser
    other.goto(page.url)
    ride(other)


def watched(page) -> None:
    """ben, who watches ada."""
    trained(page)
    log_in(page, "ben", "/live/ada/")
    page.get_by_text("Watching ada live").wait_for()
    page.locator("[data-measure=power]", has_text="1").wait_for()


def came_home(page) -> None:
    """ben's first page, while ada trains."""
    trained(page)
    log_in(page, "ben", "/")
    page.locator("#latest li").first.wait_for()


def wrote(page) -> None:
    """ada in her conversation with tom, who types."""
    other = page.context.browser.new_context().new_page()  # closed with the browser
    other.goto(page.url)
    for person, name, partner in ((page, "ada", "tom"), (other, "tom", "ada")):
        log_in(person, name, "/chat/")
        person.get_by_role("link", name=partner).first.click()
        person.locator('.status[data-state="open"]').wait_for()
    page.get_by_label("Message to tom").fill("Rowing at six?")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("read by tom").last.wait_for()
    other.get_by_label("Message to ada").press_sequentially("Yes")
    page.get_by_text("tom is typing").wait_for()


def rang(page) -> None:
    """What ada was told, and has not read."""
    log_in(page, "ada", "/notifications/")
    page.locator("main li").nth(2).wait_for()


def competed(page) -> None:
    """ben in the demo's challenge."""
    log_in(page, "ben", "/challenges/")
    page.locator("main li a").first.click()
    page.locator("#board li").nth(2).wait_for()


def posted(page) -> None:
    """What ada's friends have posted."""
    log_in(page, "ada", "/feed/")
    page.locator("#posts > li").nth(1).wait_for()


def squatted(page) -> None:
    """ada's squats, which tom watches; the first is done."""
    other = page.context.browser.new_context().new_page()  # closed with the browser
    other.goto(page.url)
    log_in(other, "ada", "/form/")
    other.get_by_role("button", name="Start a strength workout").click()
    log_in(page, "tom", "/form/ada/")
    page.locator('.status[data-state="open"]').wait_for()
    other.get_by_role("button", name="Play the recording").click()
    page.locator("#repetitions", has_text="1").wait_for(timeout=60_000)


PICTURES = {
    "step01": Picture(1, "/", polled, "section:nth-of-type(3)"),
    "step02": Picture(2, "/handshake/", connected, "section:nth-of-type(1)"),
    "step03": Picture(3, "/", echoed, "main", width=1000),
    "step03-lifecycle": Picture(3, "/lifecycle/", played, "#plays > li:nth-child(4)"),
    "step03-slow": Picture(3, "/slow/", raced, "#races > li:last-child"),
    "step04": Picture(4, "/", talked, "#composer", width=900, height=620),
    "step05": Picture(5, "/ways-in/", tried, '[data-way="ticket"]', width=900),
    "step05-room": Picture(5, "/login/", met, "#composer", width=900, height=620),
    "step05-refused": Picture(5, "/login/", turned_away, "main"),
    "step06-live": Picture(6, "/login/", watched, "#chart", width=900, height=620),
    "step06-phone": Picture(6, "/login/", watched, "#chart", width=360, height=740),
    "step06-owner": Picture(6, "/login/", ride, "#chart", width=900, height=620),
    "step06-chat": Picture(6, "/login/", wrote, "#composer", width=900, height=620),
    "step06-bell": Picture(6, "/login/", rang, "main li:nth-of-type(3)", width=360, height=740),
    "step06-challenge": Picture(6, "/login/", competed, "#board", width=900, height=620),
    "step06-feed": Picture(6, "/login/", posted, "#posts > li:nth-child(2)", width=900),
    "step06-form": Picture(6, "/login/", squatted, "main", width=360, height=740),
    "step06-home": Picture(6, "/login/", came_home, "main", width=900, height=620),
}


def take(names: list[str] | None = None) -> None:
    """Take these pictures again, or all."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise CourseError("Pictures are taken in Chromium, which is not here.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        for name in names or list(PICTURES):
            picture = PICTURES[name]
            with serving(step(picture.step)) as port:
                shoot(browser, name, picture, f"http://127.0.0.1:{port}{picture.path}")
            print(f"{name}: taken", flush=True)
        browser.close()


def shoot(browser, name: str, picture: Picture, address: str) -> None:
    """Prepare the page once, then take it in both schemes."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        device_scale_factor=2,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    picture.prepare(page)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    end = page.locator(picture.until).first.bounding_box()
    clip = {"x": 0, "y": 0, "width": picture.width, "height": end["y"] + end["height"] + 16}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        small = with_palette(page, page.screenshot(clip=clip, full_page=True))
        (FOLDER / f"{name}-{scheme}.png").write_bytes(small)
    context.close()


# The 256 commonest colours are the palette; the rest, edges of letters, takes the nearest of them.
INDEXED = """async (source) => {
  const bitmap = await createImageBitmap(await (await fetch(source)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const pixels = new Uint32Array(data.length / 4);
  const counts = new Map();
  for (let i = 0; i < pixels.length; i += 1) {
    pixels[i] = (data[4 * i] << 16) | (data[4 * i + 1] << 8) | data[4 * i + 2];
    counts.set(pixels[i], (counts.get(pixels[i]) || 0) + 1);
  }
  const palette = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([colour]) => colour);
  const parts = (c) => [c >> 16, (c >> 8) & 255, c & 255];
  const distance = (a, b) => parts(a).reduce((sum, x, i) => sum + (x - parts(b)[i]) ** 2, 0);
  const index = new Map(palette.map((colour, i) => [colour, i]));
  for (const colour of counts.keys()) {
    if (index.has(colour)) continue;
    let best = 0;
    palette.forEach((other, i) => {
      if (distance(colour, other) < distance(colour, palette[best])) best = i;
    });
    index.set(colour, best);
  }
  let text = "";
  for (const pixel of pixels) text += String.fromCharCode(index.get(pixel));
  const { width, height } = bitmap;
  return { width, height, palette: palette.flatMap(parts), pixels: btoa(text) };
}"""


def with_palette(page, png: bytes) -> bytes:
    """The same picture in 256 colours: a quarter of the size, and no library for it."""
    source = "data:image/png;base64," + b64encode(png).decode("ascii")
    found = page.evaluate(INDEXED, source)
    width, height, pixels = found["width"], found["height"], b64decode(found["pixels"])
    rows = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", header), (b"PLTE", bytes(found["palette"]))]
    parts += [(b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
