"""A step's ASGI application, with a listening point for the docs' wire inspector.

Run by `python -m course serve` in a step's folder in place of `config.asgi:application`
(DJANGO_SETTINGS_MODULE=config.settings, the repository's root on PYTHONPATH):

    daphne course.tap:application

The steps know nothing of it. A page of the docs makes up an id that nobody can guess and then
1. watches at `/tap-<id>/`, a WebSocket on which this module reports what it sees as JSON, and
   answers each report with the number of reports it has read;
2. opens the connection to be watched at `/tap-<id>/ws/echo/`. The prefix is taken off before the
   application sees it; each event of that connection is reported, credentials masked, and so is
   what it says to the channel layer and hears from it (course/tap_layer.py).

Everything else goes to the application as it came. `COURSE_TAP=off` in the environment leaves the
tap out: for a server that other machines reach, where nobody should watch anybody's connection.
"""

import asyncio
import os
import re
import time
import traceback
from collections import deque
from ipaddress import ip_address
from json import dumps
from pathlib import Path
from urllib.parse import urlsplit

from course.masking import label, readable
from course.tap_layer import listen_in, watcher

TAPPED = re.compile(r"(/tap-[A-Za-z0-9_-]{16,64})(/.*)", re.DOTALL)
MAX_OBSERVERS = 20
MAX_WAITING = 500  # reports kept for an observer that does not keep up; then they are counted only
MAX_IN_FLIGHT = 100  # Daphne's send never waits, so this many reports may be unacknowledged


def is_here(origin: str) -> bool:
    """Whether an origin is this very machine's."""
    try:
        host = urlsplit(origin).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Observer:
    """One page that watches: a bounded queue of reports, sent as fast as the page reads them."""

    def __init__(self) -> None:
        self.waiting: deque[str] = deque()
        self.in_flight = self.lost = self.connections = 0
        self.changed = asyncio.Event()

    def report(self, kind: str, label: str = "", **fields: object) -> None:
        """Queue one report, or count it as lost."""
        if len(self.waiting) >= MAX_WAITING:
            self.lost += 1
            return
        at = round(time.monotonic() * 1000, 2)
        event = {"at": at, "side": "server", "kind": kind, "label": label, **fields}
        self.waiting.append(dumps(event))
        self.changed.set()

    async def write(self, send) -> None:
        """Send what is queued; runs as a task until it is cancelled."""
        while True:
            while self.waiting and self.in_flight < MAX_IN_FLIGHT:
                self.in_flight += 1
                await send({"type": "websocket.send", "text": self.waiting.popleft()})
            if self.lost and not self.waiting:
                lost, self.lost = self.lost, 0
                self.report("lost", f"{lost} events not shown: too many at once")
                continue
            self.changed.clear()
            await self.changed.wait()

    async def read(self, receive) -> None:
        """Take acknowledgements until the page goes away."""
        while (message := await receive())["type"] != "websocket.disconnect":
            count = message.get("text") or ""
            self.in_flight -= min(
                self.in_flight, int(count) if re.fullmatch(r"[0-9]{1,4}", count) else 0
            )
            self.changed.set()


class Tap:
    """An ASGI application around another one; see the top of this file."""

    def __init__(self, app, layer=None) -> None:
        self.app = app
        self.observers: dict[str, Observer] = {}
        if layer is not None:
            listen_in(layer)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "websocket" or not scope["path"].startswith("/tap-"):
            await self.app(scope, receive, send)
            return
        match = TAPPED.fullmatch(scope["path"])
        raw = scope.get("raw_path") or scope["path"].encode()
        if not match or not raw.startswith(match[1].encode()):
            await send({"type": "websocket.close"})
        elif match[2] == "/":
            await self.observe(match[1], scope, receive, send)
        else:
            scope = {**scope, "path": match[2]}
            if scope.get("raw_path"):
                scope["raw_path"] = raw[len(match[1]) :]
            observer = self.observers.get(match[1])
            if observer:
                await self.watched(observer, scope, receive, send)
            else:
                await self.app(scope, receive, send)

    async def observe(self, prefix: str, scope, receive, send) -> None:
        """Serve one observer, a page on this same machine, until it goes."""
        await receive()  # websocket.connect
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        client = (scope.get("client") or ["127.0.0.1"])[0]  # None on a unix socket
        if [is_here(origin) for origin in origins] != [True] or not ip_address(client).is_loopback:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        if prefix in self.observers or len(self.observers) >= MAX_OBSERVERS:
            await send({"type": "websocket.close", "code": 4013})
            return
        observer = self.observers[prefix] = Observer()
        observer.report("watching", Path.cwd().name)
        writer = asyncio.create_task(observer.write(send))
        try:
            await observer.read(receive)
        finally:
            del self.observers[prefix]
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def watched(self, observer: Observer, scope, receive, send) -> None:
        """Run the application on one connection and report what passes."""
        observer.connections += 1
        number = observer.connections

        def report(kind: str, label: str, data: dict, side: str = "server") -> None:
            observer.report(kind, label, side=side, connection=number, data=readable(data))

        def report_layer(side: str, label: str, data: dict) -> None:
            report("group", label, data, side)

        def passing(message: dict) -> dict:
            try:
                report(message["type"].removeprefix("websocket."), label(message), message)
            except Exception as error:  # malformed: the server will say so, as it would without us
                problem = f"the tap cannot show it: {type(error).__name__}"
                report("error", "malformed event", {"problem": problem})
            return message

        async def heard():
            return passing(await receive())

        async def said(message):
            await send(passing(message))

        report("scope", scope["path"], scope)
        token = watcher.set(report_layer)
        try:
            await self.app(scope, heard, said)
        except BaseException as error:  # a cancellation by the server is worth showing as well
            name = type(error).__name__
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}, in {last.name}"
            report("error", name, {"exception": f"{name}: {error}", "raised in": where})
            raise
        finally:
            watcher.reset(token)
            report("end", "", {})  # the application has returned: nothing more will follow


def build():
    """What daphne serves: the step's application and its static files, as `runserver` does."""
    from channels.layers import get_channel_layer
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

    from config.asgi import application as step  # cwd is the step's folder

    served = ASGIStaticFilesHandler(step)
    return served if os.environ.get("COURSE_TAP") == "off" else Tap(served, get_channel_layer())


def __getattr__(name: str):
    """Build `application` when a server asks for it: tests import Tap without any Django."""
    if name != "application":
        raise AttributeError(name)
    return globals().setdefault("application", build())
