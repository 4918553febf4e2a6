"""Record the wire traces of the docs from the running steps: `python3 -m course record [NAME…]`.

Each trace is an entry of TRACES in course/trace_scripts.py. Recording one opens it in Chromium
through course/tap.py and writes
- docs/assets/traces/NAME.json: the events of both sides on one time axis (ms), credentials masked,
  the step's own port in place of the one it ran on;
- docs/assets/traces/NAME.html: the whole <wire-trace> element, trace and <noscript> table inside;
- docs/first.html, for the trace it shows.
A trace that says the same as the stored one (course/trace_compare.py) is not written again.

For page authors: one line, by itself, with an empty line before and after:

    --8<-- "docs/assets/traces/step03-echo.html"

Two browsers in one picture are a trace whose actions begin with a letter: who does it. Each has a
context of its own, so no cookie is shared, and the events carry the letter and a connection number.

A trace more is an entry more in TRACES, then `python3 -m course record NAME`. Without a recording,
`<wire-trace step="3" url="/ws/echo/json/" send='["{}"]'></wire-trace>` is live only; the attribute
`start="empty"` begins a recording before its first event, for pages that ask for a prediction.

The browser's side comes from the page's own events (docs/assets/inspector/inspector.js) and, for
the headers of the handshake, from Chromium's DevTools protocol; the server's side from the tap,
which cannot see the 403, 500 and 1011 that Daphne makes by itself.
"""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from course.masking import MASK, masked_header, masked_query
from course.needs import chromium
from course.steps import BY_RUNNING, ROOT, CourseError, Step, step
from course.trace_compare import compare
from course.trace_html import FIRST, FIRST_TRACE, INSPECTOR, first_page, noscript_table, snippet
from course.trace_scripts import ENVIRONMENT, TRACES, Script

__all__ = ["TRACES", "compare", "noscript_table", "record", "record_all"]

FOLDER = ROOT / "docs/assets/traces"
DEADLINE = 15_000  # ms for any one thing to happen
TAP = "/tap-course-record-00000001"


@contextmanager
def serving(step: Step, settings: dict[str, str] | None = None) -> Iterator[int]:
    """A step's copy behind the tap, migrated, with its demo, on a port the system chooses."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / step.name
        shutil.copytree(step.path, copy, ignore=shutil.ignore_patterns(*BY_RUNNING))
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            **(settings or {}),
        }
        for name in ("COURSE_TAP", "REDIS_URL", "DATABASE_URL"):
            environment.pop(name, None)
        commands = [["migrate", "--verbosity", "0"]]
        if any(copy.glob("*/management/commands/demo.py")):
            is_live = (copy / "demo/members.py").exists()  # then it would go on until it is stopped
            commands.append(["demo", *["--data-only"] * is_live])
        for command in commands:
            subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=copy,
                env=environment,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        server = subprocess.Popen(
            [sys.executable, "-m", "daphne", "-p", "0", "course.tap:application"],
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        reader = None
        try:
            lines = []
            for line in server.stdout:
                lines.append(line)
                if found := re.search(r"Listening on TCP address 127\.0\.0\.1:(\d+)", line):
                    break
            else:
                raise CourseError(f"{step.name} does not start:\n{''.join(lines)}")
            reader = threading.Thread(target=server.stdout.read, daemon=True)
            reader.start()
            yield int(found[1])
        finally:
            server.terminate()
            server.wait(20)
            if reader:
                reader.join(20)
            server.stdout.close()


WATCH = """async (base) => {
  window.reports = [];
  const watching = new WebSocket(base + "/");
  await new Promise((resolve, reject) => {
    watching.onerror = () => reject(new Error("the tap does not answer"));
    watching.onmessage = (message) => {
      const event = JSON.parse(message.data);
      watching.send("1");
      if (event.kind === "watching") resolve();
      else reports.push(event);
    };
  });
  window.watching = watching;
}"""
UNWATCH = "() => new Promise((done) => { watching.onclose = () => done(); watching.close(); })"
OPEN = """({base, path, protocols, number}) => {
  window.number = number;
  window.events = window.events || [];
  const report = (event) => events.push({...event, connection: number});
  window.connection = wireTrace.openSocket(base + path, protocols, path, report);
}"""
SETTLED = """() => connection.socket.readyState !== 0"""
MESSAGES = """(count) => count <=
  events.filter((e) => e.connection === number && e.kind === "message").length"""
CLOSED = """() => events.some((e) => e.connection === number && e.side === "browser"
  && e.kind === "close" && "wasClean" in e.data)"""
ENDED = """(number) => reports.some((e) => e.connection === number && e.kind === "end")"""
NEWEST_ACK = """() => String(events.filter((e) => e.kind === "message")
  .map((e) => JSON.parse(e.data.data)).findLast((frame) => frame.type === "ack").number)"""
ALIGN = """({server, browser}) =>
  wireTrace.align([...browser, ...server].map((event) => ({...event})))"""


class Browser:
    """One of the browsers of a trace: a context of its own, and what DevTools says of its page."""

    def __init__(self, browser, port: int, script: Script, page_port: int, person: str, kept: dict):
        self.site = site = f"http://127.0.0.1:{port}"
        self.base = f"ws://127.0.0.1:{port}{TAP}"
        self.context = browser.new_context(locale="en-GB")
        self.page = self.context.new_page()
        self.page.set_default_timeout(DEADLINE)
        # A document of the step's own origin that opens no socket itself. It has to come over the
        # network: to a page from elsewhere, Chromium refuses connections to this machine.
        self.page.goto(f"http://127.0.0.1:{page_port}/static/css/look.css")
        self.context.add_cookies(
            [{"name": name, "value": "a-secret", "url": site} for name in script.cookies]
        )
        self.person, self.carried, self.kept = person, {}, kept
        if person and script.by == "cookie":
            self.log_in()
        elif person:
            self.obtain(script.by)
        self.page.add_script_tag(path=INSPECTOR / "inspector.js")
        devtools = self.context.new_cdp_session(self.page)
        self.network: list[tuple[str, dict]] = []
        for event in (
            "Created",
            "WillSendHandshakeRequest",
            "HandshakeResponseReceived",
            "FrameError",
        ):
            kind = f"Network.webSocket{event}"
            devtools.on(kind, lambda data, event=event: self.network.append((event, data)))
        devtools.send("Network.enable")
        devtools.send("Performance.enable")
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        self.origin = next(m["value"] for m in metrics if m["name"] == "NavigationStart") * 1000
        self.connections: list[int] = []

    def post(self, path: str, **options):
        """A request of this browser's, with its cookies, beside the page."""
        answer = self.context.request.post(f"{self.site}{path}", max_redirects=0, **options)
        if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.FOUND):
            raise CourseError(f"{path} answers {answer.status} {answer.status_text}")
        return answer

    def form(self, path: str, **fields: str) -> None:
        """Post one of Django's forms."""
        cookies = {cookie["name"]: cookie["value"] for cookie in self.context.cookies(self.site)}
        (token,) = (value for name, value in cookies.items() if name.endswith("csrftoken"))
        self.post(path, form={**fields, "csrfmiddlewaretoken": token})

    def log_in(self) -> None:
        """As somebody of the demo, with the form of the step's page."""
        self.context.request.get(f"{self.site}/login/")  # for the form's token
        self.form("/login/", username=self.person, password=f"{self.person}-demo")

    def obtain(self, what: str) -> None:
        """A fresh token, and a ticket for it."""
        asked = {"username": self.person, "password": f"{self.person}-demo"}
        self.carried["token"] = self.post("/api/token/", data=asked).json()["access"]
        if what == "ticket":
            bearer = {"Authorization": f"Bearer {self.carried['token']}"}
            self.carried["ticket"] = self.post("/api/ws-ticket/", headers=bearer).json()["ticket"]

    def filled(self, text: str) -> str:
        """With the credentials that `{token}` and `{ticket}` stand for, and what was kept."""
        return filled(text, {**self.carried, **self.kept})

    def secrets(self) -> set[str]:
        """What no trace may hold."""
        return {*self.carried.values(), *(c["value"] for c in self.context.cookies(self.site))}

    def open(self, path: str, protocols: tuple[str, ...], number: int) -> None:
        """Open connection `number` of the trace, and wait for how its handshake ends."""
        where = {
            "base": self.base,
            "path": self.filled(path),
            "protocols": [self.filled(name) for name in protocols],
            "number": number,
        }
        self.page.evaluate(OPEN, where)
        self.page.wait_for_function(SETTLED)
        self.connections.append(number)

    def act(self, what: str, *details) -> None:
        """One action of a script."""
        if what == "send":
            self.page.evaluate("(text) => connection.send(text)", self.filled(details[0]))
        elif what == "send all":
            sending = "(texts) => texts.forEach((text) => connection.send(text))"
            self.page.evaluate(sending, list(details))
        elif what == "bytes":
            sending = "(data) => connection.send(new Uint8Array(data).buffer)"
            self.page.evaluate(sending, list(details[0]))
        elif what == "messages":
            self.page.wait_for_function(MESSAGES, arg=details[0])
        elif what == "keep":
            self.kept[details[0]] = self.page.evaluate(NEWEST_ACK)
        elif what == "token":
            self.obtain("token")
        elif what == "pause":  # what is shown is that time goes by
            self.page.wait_for_timeout(1000 * details[0])
        elif what == "log out":
            self.form("/logout/")
        elif what == "close":
            self.page.evaluate("(given) => connection.close(...given)", list(details))
        else:
            raise ValueError(what)

    def seen(self, scopes: dict[int, dict]) -> list[dict]:
        """All events of this side, with the handshakes as DevTools saw them."""
        events = [{**e, "at": e["at"] + self.origin} for e in self.page.evaluate("events")]
        opened = [
            data["requestId"]
            for event, data in self.network
            if event == "Created" and data["url"] != f"{self.base}/"
        ]
        found = []
        for number, request in zip(self.connections, opened, strict=True):
            own = [event for event in events if event["connection"] == number]
            add_handshake(own, [(e, d) for e, d in self.network if d["requestId"] == request])
            in_order_of_arrival(own, [name for name, _ in scopes[number]["headers"]])
            found += [{**event, "connection": number} for event in own]
        return found


def filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def made(browser, port: int, script: Script) -> dict[str, str]:
    """Post what a script wants to be there first; the id of the last, by which paths name it."""
    kept = {}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for person, path, data in script.posts:
        one = Browser(browser, port, replace(script, by="token"), port, person, kept)
        bearer = {"Authorization": f"Bearer {one.carried['token']}"}
        data = json.loads(filled(json.dumps(data), {"tomorrow": tomorrow}))
        kept["id"] = str(one.post(path, data=data, headers=bearer).json()["id"])
        one.context.close()
    return kept


def record_one(browser, name: str, port: int) -> dict:
    """Play one script in fresh browsers and return its trace."""
    script = TRACES[name]
    if script.room:
        make_room(browser, port, script.room)
    actions, kept = script.by_browser(), made(browser, port, script)
    with elsewhere() if script.page_port else nullcontext(port) as page_port:
        browsers = {
            who: Browser(browser, port, script, page_port, script.person_of(who), kept)
            for who in dict.fromkeys(who for who, *_ in actions)
        }
    observer = next(iter(browsers.values())).page
    observer.evaluate(WATCH, browsers[actions[0][0]].base)
    owners: list[str] = []
    for who, what, *details in actions:
        if what == "open":
            owners.append(who)
            browsers[who].open(*details, script.protocols, len(owners))
        elif what == "ended":  # the application has returned, so what it did last is reported
            observer.wait_for_function(ENDED, arg=browsers[who].connections[-1])
        else:
            browsers[who].act(what, *details)
    for one in browsers.values():
        one.page.wait_for_function(CLOSED)
    for number in range(1, len(owners) + 1):
        observer.wait_for_function(ENDED, arg=number)
    server = observer.evaluate("reports")
    observer.evaluate(UNWATCH)
    if any(event["kind"] == "lost" for event in server):
        raise CourseError(f"{name}: the tap reported that it lost events")
    server = [event for event in server if event["kind"] != "end"]
    scopes = {event["connection"]: event["data"] for event in server if event["kind"] == "scope"}
    seen = [event for one in browsers.values() for event in one.seen(scopes)]
    for event in [*seen, *server]:
        if owners[0]:
            event["by"] = owners[event["connection"] - 1]
        else:
            del event["connection"]
    merged = observer.evaluate(ALIGN, {"browser": seen, "server": server})
    secrets = set().union(*(one.secrets() for one in browsers.values()))
    for one in browsers.values():
        one.context.close()
    start = merged[0]["at"]
    for event in merged:
        event["at"] = round(event["at"] - start, 2)
    versions = {
        **{package: version(package) for package in ("daphne", "channels", "django")},
        "Chromium": browser.version,
    }
    trace = {
        "name": name,
        "step": script.step,
        "folder": step(script.step).name,
        "url": masked_query(re.sub(r"\{\w+\}", MASK, filled(script.url, kept))),
        "title": script.title,
        "send": script.sent(),
        "protocols": script.offered(),
        "events": merged,
        "scope": scopes[1],
        "versions": versions,
    }
    if found := [secret for secret in secrets if secret in json.dumps(trace)]:
        raise CourseError(f"{name}: {len(found)} credential(s) not masked")
    trace = with_port(trace, port, 8000 + script.step)
    return with_port(trace, page_port, script.page_port) if script.page_port else trace


@contextmanager
def elsewhere() -> Iterator[int]:
    """Another server of this machine, whose pages are empty; its port."""
    with http.server.HTTPServer(("127.0.0.1", 0), EmptyPages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class EmptyPages(http.server.BaseHTTPRequestHandler):
    """An empty page at every path."""

    def do_GET(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()

    def log_message(self, *args) -> None:
        """Quiet."""


def make_room(browser, port: int, room: str) -> None:
    """Make a room with the form of step 04's page, in a browser that then is gone."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator("#id_name").fill(room)
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url(f"**/rooms/{room}/")
    context.close()


def add_handshake(browser: list[dict], network: list[tuple[str, dict]]) -> None:
    """Put what only the DevTools protocol sees of the handshake into a connection's events."""
    for event, data in network:
        request = next(e for e in browser if e["kind"] == "handshake")
        if event == "WillSendHandshakeRequest":
            request["data"] = {
                "call": request["data"]["call"],
                "request line": request["data"]["request line"],
                "headers": pairs(data["request"]["headers"]),
            }
        elif event == "HandshakeResponseReceived":
            response = data["response"]
            status = f"{response['status']} {response['statusText']}"
            sent = response.get("requestHeaders")  # with cookies, as they went out
            if sent:
                request["data"]["headers"] = pairs(sent)
            # The page hears of it afterwards, even where DevTools' clock is a little late.
            heard = min(e["at"] for e in browser if e["kind"] != "handshake") - 0.01
            browser.append(
                {
                    "at": min(data["timestamp"] * 1000, heard),
                    "side": "browser",
                    "kind": "handshake",
                    "label": status,
                    "data": {
                        "status line": f"HTTP/1.1 {status}",
                        "headers": pairs(response["headers"]),
                    },
                }
            )
        elif event == "FrameError":
            for error in [e for e in browser if e["kind"] == "error"]:
                error["data"]["in the console"] = data["errorMessage"]
                if found := re.search(r"Unexpected response code: (\d+)", data["errorMessage"]):
                    browser.append(refusal(int(found[1]), data["timestamp"] * 1000))
    browser.sort(key=lambda event: event["at"])


def refusal(code: int, at: float) -> dict:
    """The answer that is no 101: of it, Chromium tells the number and nothing more."""
    data = {"status line": f"HTTP/1.1 {code} …", "the rest": "Chromium does not tell"}
    return {"at": at, "side": "browser", "kind": "handshake", "label": str(code), "data": data}


def in_order_of_arrival(browser: list[dict], names: list[str]) -> None:
    """Sort the request's headers, which DevTools gives in any order, as the server got them."""
    for event in browser:
        if "request line" in event["data"]:
            event["data"]["headers"].sort(key=lambda pair: names.index(pair[0].lower()))


def pairs(headers: dict[str, str]) -> list[list[str]]:
    """Headers as pairs; DevTools joins repeated ones by a line feed."""
    return [
        [name, masked_header(name, line)]
        for name, text in headers.items()
        if not name.startswith(":")
        for line in text.split("\n")
    ]


def with_port(value, used: int, own: int):
    """The same value with the step's own port instead of the one it was recorded on."""
    if isinstance(value, dict):
        return {name: with_port(item, used, own) for name, item in value.items()}
    if isinstance(value, list):
        return [with_port(item, used, own) for item in value]
    if isinstance(value, str):
        return re.sub(rf"\b{used}\b", str(own), value)
    return own if value == used and isinstance(value, int) else value


def record_all(names: list[str], takes: int = 1) -> Iterator[dict]:
    """Record traces, step by step, in one browser; of several takes, the quickest.

    The first is slow because it is the first, and others because the machine had other work.
    """
    if unknown := set(names) - set(TRACES):
        known = "\n  ".join(TRACES)
        raise CourseError(f"No trace {', '.join(sorted(unknown))}. There are:\n  {known}")
    if not chromium():
        raise CourseError("Recording needs Chromium; on Debian: sudo apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"]
        )
        # What leaves something behind has a server of its own; the rest shares its step's.
        servers: dict[tuple, list[str]] = {}
        for name in sorted(names, key=lambda name: TRACES[name].step):
            number, is_alone = TRACES[name].step, TRACES[name].is_stored
            servers.setdefault((number, name if is_alone else ""), []).append(name)
        for (number, _), together in servers.items():
            with serving(step(number), ENVIRONMENT.get(number)) as port:
                for name in together:
                    # A room is made once, and numbers its messages on.
                    again = 1 if TRACES[name].room or TRACES[name].is_stored else takes
                    played = [record_one(browser, name, port) for _ in range(again)]
                    yield min(played, key=lambda trace: trace["events"][-1]["at"])
        browser.close()


def stored(name: str) -> dict | None:
    """The committed trace."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def pages(trace: dict) -> dict[Path, str]:
    """The files made from a trace alone, and their text."""
    files = {FOLDER / f"{trace['name']}.html": snippet(trace)}
    if trace["name"] == FIRST_TRACE:
        files[FIRST] = first_page(trace)
    return files


def trace_pages() -> Iterator[tuple[Path, str]]:
    """Every file made from the stored traces, for `python3 -m course generate`."""
    for name in TRACES:
        if trace := stored(name):
            yield from pages(trace).items()


def as_json(trace: dict) -> str:
    """The trace as its file holds it: one event a line, so that a diff names the event."""
    head = {key: item for key, item in trace.items() if key not in ("events", "scope", "versions")}
    lines = [f" {json.dumps(key)}: {dump(item)}," for key, item in head.items()]
    events = ",\n".join(f"  {dump(event)}" for event in trace["events"])
    lines += [f' "events": [\n{events}\n ],', f' "scope": {dump(trace["scope"])},']
    return "\n".join(["{", *lines, f' "versions": {dump(trace["versions"])}', "}"]) + "\n"


def dump(value) -> str:
    return json.dumps(value, ensure_ascii=False)


def write(path: Path, text: str) -> None:
    """Write a file that says something new, and say so."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"written: {path.relative_to(ROOT).as_posix()}", flush=True)


def record(names: list[str] | None = None) -> None:
    """Record these traces (all of them by default) and write what has changed."""
    for fresh in record_all(names or list(TRACES), takes=3):
        old = stored(fresh["name"])
        changed = old is None or compare(old, fresh)
        trace = fresh if changed else old
        write(FOLDER / f"{trace['name']}.json", as_json(trace))
        for path, text in pages(trace).items():
            write(path, text)
        print(f"{trace['name']}: {'recorded' if changed else 'as before'}", flush=True)
