"""The tap: what it reports, what it masks, and that it is not there for anybody else."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from course import tap
from course.masking import MASK, label, masked_header, masked_query, readable
from course.tap import Tap

ID = "0123456789abcdef0123456789abcdef"
PREFIX = f"/tap-{ID}"
SECONDS = 30


def websocket_scope(path, origin="http://127.0.0.1:8080", **more):
    headers = [(b"host", b"127.0.0.1:8003")]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "subprotocols": [],
        "client": ("127.0.0.1", 50000),
        **more,
    }


class Connection:
    """One connection to an ASGI application, played by hand."""

    def __init__(self, app, scope):
        self.to_app, self.from_app = asyncio.Queue(), asyncio.Queue()
        self.task = asyncio.create_task(app(scope, self.to_app.get, self.from_app.put))

    def say(self, type, **fields):
        self.to_app.put_nowait({"type": f"websocket.{type}", **fields})

    async def hear(self):
        return await asyncio.wait_for(self.from_app.get(), SECONDS)

    async def report(self):
        """The next report; acknowledged, as the page does it."""
        message = await self.hear()
        self.say("receive", text="1")
        return json.loads(message["text"])

    async def reports(self, count):
        return [await self.report() for _ in range(count)]

    async def end(self):
        self.say("disconnect", code=1000)
        await asyncio.wait_for(self.task, SECONDS)


async def echo(scope, receive, send):
    """A tiny application that sends back what it gets, and raises when it is told to."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") == "raise":
            raise ValueError("as told")
        await send({**event, "type": "websocket.send"})


async def watch(app, id=ID):
    observer = Connection(app, websocket_scope(f"/tap-{id}/"))
    observer.say("connect")
    assert (await observer.hear())["type"] == "websocket.accept"
    assert (await observer.report())["kind"] == "watching"
    return observer


async def accepted(app, path=f"{PREFIX}/ws/echo/", **more):
    connection = Connection(app, websocket_scope(path, **more))
    connection.say("connect")
    assert (await connection.hear())["type"] == "websocket.accept"
    return connection


async def test_each_event_is_reported_in_order_with_a_time_that_grows():
    app = Tap(echo)
    observer = await watch(app)
    connection = await accepted(app)
    connection.say("receive", text="hi")
    assert await connection.hear() == {"type": "websocket.send", "text": "hi"}
    connection.say("receive", bytes=b"\x00\xff")
    assert await connection.hear() == {"type": "websocket.send", "bytes": b"\x00\xff"}
    await connection.end()
    reports = await observer.reports(9)
    assert [(report["kind"], report["label"]) for report in reports] == [
        ("scope", "/ws/echo/"),
        ("connect", ""),
        ("accept", ""),
        ("receive", '"hi"'),
        ("send", '"hi"'),
        ("receive", "2 bytes"),
        ("send", "2 bytes"),
        ("disconnect", "1000"),
        ("end", ""),
    ]
    assert reports[5]["data"]["bytes"] == "00 ff"
    assert [r["at"] for r in reports] == sorted(r["at"] for r in reports)
    assert {r["side"] for r in reports} == {"server"} and {r["connection"] for r in reports} == {1}
    await observer.end()


@pytest.mark.parametrize("observed", [True, False])
async def test_the_application_gets_its_own_path_and_everything_else_as_it_came(observed):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    tapped = Tap(app)
    observer = await watch(tapped) if observed else None
    raw = f"{PREFIX}/ws/caf%C3%A9/".encode()
    scope = websocket_scope(f"{PREFIX}/ws/caf\u00e9/", raw_path=raw, query_string=b"a=b")
    before = dict(scope)
    await tapped(scope, None, None)
    assert seen == [{**before, "path": "/ws/caf\u00e9/", "raw_path": b"/ws/caf%C3%A9/"}]
    assert scope == before
    if observer:
        await observer.end()


@pytest.mark.parametrize("type", ["http", "websocket", "lifespan"])
async def test_other_traffic_is_passed_on_untouched(type):
    calls = []

    async def app(*arguments):
        calls.append(arguments)

    scope, receive, send = websocket_scope("/ws/echo/", type=type), object(), object()
    await Tap(app)(scope, receive, send)
    (got,) = calls
    assert got[0] is scope and got[1] is receive and got[2] is send


async def test_a_page_under_the_prefix_is_the_applications_business():
    calls = []

    async def app(scope, receive, send):
        calls.append(scope)

    scope = websocket_scope(f"{PREFIX}/page/", type="http")
    await Tap(app)(scope, None, None)
    assert calls[0] is scope


async def test_without_an_observer_the_connection_is_served_and_nothing_is_kept():
    app = Tap(echo)
    connection = await accepted(app)
    connection.say("receive", text="hi")
    assert (await connection.hear())["text"] == "hi"
    await connection.end()
    assert not app.observers


async def test_another_observers_connection_is_not_reported():
    app = Tap(echo)
    observer = await watch(app, "f" * 32)
    connection = await accepted(app)
    await connection.end()
    mine = await accepted(app, f"/tap-{'f' * 32}/ws/mine/")
    await mine.end()
    assert (await observer.report())["label"] == "/ws/mine/"
    await observer.end()


async def test_credentials_never_leave_the_process():
    app = Tap(echo)
    observer = await watch(app)
    secrets = ["s3cr3t-cookie", "s3cr3t-header", "s3cr3t-query", "s3cr3t-protocol", "s3cr3t-ticket"]
    headers = [
        (b"origin", b"http://127.0.0.1:8080"),
        (b"cookie", b"sessionid=s3cr3t-cookie; theme=s3cr3t-cookie"),
        (b"authorization", b"Bearer s3cr3t-header"),
        (b"referer", b"http://127.0.0.1:8003/?access_token=s3cr3t-query"),
        (b"sec-websocket-protocol", b"bearer.s3cr3t-protocol, ticket.s3cr3t-ticket, echo.v1"),
    ]
    connection = await accepted(
        app,
        headers=headers,
        query_string=b"token=s3cr3t-query&page=2&%74icket=s3cr3t-query",
        subprotocols=["bearer.s3cr3t-protocol", "ticket.s3cr3t-ticket", "echo.v1"],
    )
    await connection.end()
    reports = await observer.reports(5)
    text = json.dumps(reports, ensure_ascii=False)
    assert not [secret for secret in secrets if secret in text]
    scope = reports[0]["data"]
    assert scope["query_string"] == f"token={MASK}&page=2&%74icket={MASK}"
    assert scope["subprotocols"] == [f"bearer.{MASK}", f"ticket.{MASK}", "echo.v1"]
    assert dict(scope["headers"])["cookie"] == f"sessionid={MASK}; theme={MASK}"
    assert dict(scope["headers"])["authorization"] == f"Bearer {MASK}"
    # What the application accepts with is a credential as well.
    assert reports[2]["label"] == reports[2]["data"]["subprotocol"] == f"bearer.{MASK}"
    await observer.end()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Set-Cookie", "sessionid=abc; Path=/; HttpOnly", f"sessionid={MASK}; Path=/; HttpOnly"),
        ("Authorization", "abc", MASK),
        ("Proxy-Authorization", "Basic abc", f"Basic {MASK}"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Extensions", "permessage-deflate", "permessage-deflate"),
    ],
)
def test_headers_are_masked_by_name(name, value, shown):
    assert masked_header(name, value) == shown


def test_a_query_keeps_what_is_no_secret():
    assert masked_query("refuse=after&sid") == "refuse=after&sid"
    assert masked_query("a=1;jwt=x.y.z;b=2") == f"a=1;jwt={MASK};b=2"


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3fQ.c2lnbmVk"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f'{{"type": "authenticate", "token": "{JWT}"}}', f'"token": "{MASK}"'),
        (r'{"type":"authenticate","token":"a\"b"}', f'"token":"{MASK}"'),
        (
            f'{{"access": "{JWT}", "refresh" : "x.y.z"}}',
            f'"access": "{MASK}", "refresh" : "{MASK}"',
        ),
        ('{"ticket": "abc", "expires_in": 30}', f'"ticket": "{MASK}", "expires_in": 30'),
        (f"a token by itself: {JWT}", f"by itself: {MASK}"),
    ],
)
def test_a_credential_in_a_frame_is_not_shown(text, shown):
    event = readable({"type": "websocket.receive", "text": text})
    assert shown in event["text"]
    assert shown in label({"text": text}) or label({"text": text}).endswith("…")
    assert JWT not in json.dumps(event) and JWT[:20] not in label({"text": text})


def test_a_frame_that_only_speaks_of_credentials_is_shown_as_it_is():
    text = '{"type": "error", "code": "not_authenticated", "detail": "bearer.x is no token: 1"}'
    assert readable({"text": text}) == {"text": text}


def test_what_is_shown_is_bounded():
    assert len(readable({"text": "x" * 100_000})["text"]) < 5_000
    assert len(readable({"bytes": b"x" * 100_000})["bytes"]) < 5_000
    assert readable({"user": SimpleNamespace(name="ann")}) == {"user": "namespace(name='ann')"}


async def test_an_exception_is_reported_and_goes_on_to_the_server():
    app = Tap(echo)
    observer = await watch(app)
    connection = await accepted(app)
    connection.say("receive", text="raise")
    with pytest.raises(ValueError, match="as told"):
        await asyncio.wait_for(connection.task, SECONDS)
    reports = await observer.reports(6)
    assert [report["kind"] for report in reports[-2:]] == ["error", "end"]
    assert reports[-2]["data"] == {
        "exception": "ValueError: as told",
        "raised in": "test_tap.py, in echo",
    }
    await observer.end()


@pytest.mark.parametrize(
    "message",
    [
        {"text": "no type"},
        {"type": "websocket.send", "text": 5},
        {"type": "websocket.accept", "headers": [("x-name", "not bytes")]},
        {"type": "websocket.accept", "headers": [(b"three", b"in", b"a pair")]},
    ],
)
async def test_a_malformed_event_reaches_the_server_as_it_is(message):
    async def app(scope, receive, send):
        await receive()
        await send(message)

    tapped = Tap(app)
    observer = await watch(tapped)
    connection = Connection(tapped, websocket_scope(f"{PREFIX}/ws/echo/"))
    connection.say("connect")
    assert await connection.hear() is message
    await connection.task
    reports = await observer.reports(4)
    assert [r["kind"] for r in reports] == ["scope", "connect", "error", "end"]
    assert reports[2]["label"] == "malformed event"
    await observer.end()


async def test_a_cancellation_by_the_server_is_reported():
    app = Tap(echo)
    observer = await watch(app)
    connection = await accepted(app)
    connection.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connection.task
    assert [r["label"] for r in await observer.reports(5)][3] == "CancelledError"
    await observer.end()


async def test_an_observer_that_does_not_read_costs_a_bounded_amount(monkeypatch):
    monkeypatch.setattr(tap, "MAX_WAITING", 20)
    monkeypatch.setattr(tap, "MAX_IN_FLIGHT", 5)
    app = Tap(echo)
    observer = await watch(app)
    connection = await accepted(app)
    for number in range(50):
        connection.say("receive", text=str(number))
        assert (await connection.hear())["text"] == str(number)  # the application is not held up
    assert len(app.observers[PREFIX].waiting) == 20
    assert observer.from_app.qsize() <= 5
    # It wakes up: it gets what was kept, and is told how much was not.
    reports = []
    while not reports or reports[-1]["kind"] != "lost":
        reports.append(await observer.report())
    kept, lost = len(reports) - 1, int(reports[-1]["label"].split()[0])
    assert kept + lost == 3 + 2 * 50
    assert kept <= 25
    await connection.end()
    assert (await observer.report())["kind"] == "disconnect"
    await observer.end()


@pytest.mark.parametrize("nonsense", ["", "-5", "x", "1" * 5000, "99999"])
async def test_nonsense_from_an_observer_is_ignored(nonsense):
    app = Tap(echo)
    observer = await watch(app)
    observer.say("receive", text=nonsense)
    observer.say("receive", bytes=b"\x01")
    connection = await accepted(app)
    assert [r["kind"] for r in await observer.reports(3)] == ["scope", "connect", "accept"]
    await connection.end()
    await observer.end()


@pytest.mark.parametrize(
    ("scope", "welcome"),
    [
        ({"origin": "http://127.0.0.1:8080"}, True),
        ({"origin": "http://localhost:8080"}, True),
        ({"origin": "http://[::1]:8080"}, True),
        ({"origin": "https://course.example"}, False),
        ({"origin": "http://127.0.0.1.evil.example"}, False),
        ({"origin": "http://localhost@evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://["}, False),
        ({"origin": None}, False),
        ({"client": ("192.168.1.7", 50000)}, False),
        ({"client": None}, True),
    ],
)
async def test_only_a_page_of_this_machine_may_watch(scope, welcome):
    app = Tap(echo)
    observer = Connection(app, websocket_scope(f"{PREFIX}/", **scope))
    observer.say("connect")
    assert (await observer.hear())["type"] == f"websocket.{'accept' if welcome else 'close'}"
    assert (PREFIX in app.observers) is welcome
    if welcome:
        await observer.end()
    await asyncio.wait_for(observer.task, SECONDS)
    assert not app.observers


async def test_two_origins_are_refused():
    two = [(b"origin", b"http://127.0.0.1"), (b"origin", b"http://127.0.0.1")]
    observer = Connection(Tap(echo), websocket_scope(f"{PREFIX}/", headers=two))
    observer.say("connect")
    assert (await observer.hear())["type"] == "websocket.close"
    await observer.task


async def test_a_taken_id_and_one_observer_too_many_are_refused(monkeypatch):
    monkeypatch.setattr(tap, "MAX_OBSERVERS", 2)
    app = Tap(echo)
    watching = [await watch(app), await watch(app, "f" * 32)]
    for id in (ID, "e" * 32):
        extra = Connection(app, websocket_scope(f"/tap-{id}/"))
        extra.say("connect")
        assert (await extra.hear())["type"] == "websocket.accept"
        assert await extra.hear() == {"type": "websocket.close", "code": 4013}
        await extra.task
    for observer in watching:
        await observer.end()
    assert not app.observers


@pytest.mark.parametrize(
    ("path", "raw_path"),
    [
        ("/tap-short/ws/echo/", None),
        (f"{PREFIX}", None),
        (f"{PREFIX}/ws/echo/", f"/%74ap-{ID}/ws/echo/"),  # the prefix would be cut off wrongly
    ],
)
async def test_a_malformed_prefix_is_refused(path, raw_path):
    app = Tap(echo)
    scope = websocket_scope(path, raw_path=(raw_path or path).encode())
    connection = Connection(app, scope)
    connection.say("connect")
    assert (await connection.hear())["type"] == "websocket.close"
    await connection.task


async def test_an_observer_that_leaves_mid_connection_does_not_disturb_it():
    app = Tap(echo)
    observer = await watch(app)
    connection = await accepted(app)
    await observer.end()
    connection.say("receive", text="still here")
    assert (await connection.hear())["text"] == "still here"
    await connection.end()
    assert not app.observers


def in_a_group(layer):
    """An application in a group of the layer: passes on what it hears, and what the group says."""

    async def application(scope, receive, send):
        channel = await layer.new_channel()
        await layer.group_add("all", channel)
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await layer.group_send("all", {"type": "news", "text": "hi"})
        event = await asyncio.create_task(layer.receive(channel))
        await send({"type": "websocket.send", "text": event["text"]})
        await layer.send(channel, {"type": "own", "secret": b"x"})
        await layer.receive(channel=channel)
        await layer.group_discard("all", channel)

    return application


async def test_what_passes_the_layer_is_reported():
    layer = InMemoryChannelLayer()
    app = Tap(in_a_group(layer), layer)
    observer = await watch(app)
    connection = await accepted(app)
    connection.say("receive", text="go")
    assert (await connection.hear())["text"] == "hi"
    await connection.task
    reports = await observer.reports(11)
    assert [(r["side"], r["data"].get("call", r["kind"]), r["label"]) for r in reports] == [
        ("server", "scope", "/ws/echo/"),
        ("layer", "group_add", "all"),
        ("server", "connect", ""),
        ("server", "accept", ""),
        ("server", "receive", '"go"'),
        # One call: that the in-memory layer sends to each member by itself is not the lesson.
        ("layer", "group_send", "news all"),
        ("server", "group", "news"),
        ("server", "send", '"hi"'),
        ("layer", "send", "own"),
        ("server", "group", "own"),
        ("layer", "group_discard", "all"),
    ]
    called, got = reports[5]["data"], reports[6]["data"]
    assert called["message"] == got["message"] == {"type": "news", "text": "hi"}
    assert got["channel"] == reports[1]["data"]["channel"]
    assert (await observer.report())["kind"] == "end"


async def test_of_a_connection_that_is_not_watched_the_layer_tells_nothing():
    layer = InMemoryChannelLayer()
    app = Tap(in_a_group(layer), layer)
    observer = await watch(app)
    watched = await accepted(app)
    other = await accepted(app, "/ws/echo/")
    other.say("receive", text="go")
    assert (await other.hear())["text"] == "hi"
    await other.task
    watched.say("receive", text="go")
    reports = await observer.reports(6)
    calls = [r["data"]["call"] for r in reports if r["side"] == "layer"]
    assert calls == ["group_add", "group_send"]  # its own
    await watched.task


async def test_a_wrapped_layer_returns_and_raises_what_it_did():
    layer = InMemoryChannelLayer(capacity=1)
    results = []

    async def application(scope, receive, send):
        await receive()
        results.append(await layer.group_add("all", channel="it"))
        await layer.send("it", {"type": "one"})
        with pytest.raises(ChannelFull):
            await layer.send("it", {"type": "two"})
        results.append(await layer.receive("it"))
        with pytest.raises(AssertionError, match="not a dict"):
            await layer.send("it", "no dict")
        await send({"type": "websocket.close"})

    app = Tap(application, layer)
    await watch(app)
    for path in ("/ws/", f"{PREFIX}/ws/"):
        connection = Connection(app, websocket_scope(path))
        connection.say("connect")
        await asyncio.wait_for(connection.task, SECONDS)
        assert results[-2:] == [None, {"type": "one"}]


async def test_a_real_step_is_watched_through_daphne(step_server):
    server = step_server(3)
    origin = server.http("")
    async with connect(server.ws(f"{PREFIX}/"), origin=origin) as observer:

        async def report():
            event = json.loads(await asyncio.wait_for(observer.recv(), SECONDS))
            await observer.send("1")
            return event

        assert (await report())["label"] == "step03_consumers"
        path = f"{PREFIX}/ws/echo/async-websocket/"
        async with connect(server.ws(path), origin=origin) as socket:
            await socket.send("hi")
            assert await asyncio.wait_for(socket.recv(), SECONDS) == "hi"
        kinds = [(await report())["kind"] for _ in range(7)]
    assert kinds == ["scope", "connect", "accept", "receive", "send", "disconnect", "end"]


async def test_a_real_step_refuses_a_foreign_observer(step_server):
    with pytest.raises(InvalidStatus) as refused:
        await connect(step_server(3).ws(f"{PREFIX}/"), origin="https://evil.example")
    assert refused.value.response.status_code == 403


async def test_static_files_are_served_and_the_tap_can_be_left_out(step_server, daphne):
    import httpx

    server = step_server(3)
    async with httpx.AsyncClient() as client:
        assert (await client.get(server.http("/static/css/look.css"))).status_code == 200
    root = tap.Path(tap.__file__).parent.parent
    off = daphne(
        root / "step03_consumers",
        application="course.tap:application",
        env={"PYTHONPATH": str(root), "COURSE_TAP": "off"},
    )
    async with httpx.AsyncClient() as client:
        assert (await client.get(off.http("/static/css/look.css"))).status_code == 200
    with pytest.raises(InvalidStatus) as refused:
        await connect(off.ws(f"{PREFIX}/"), origin=off.http(""))
    assert refused.value.response.status_code == 500  # no such route in the step itself
