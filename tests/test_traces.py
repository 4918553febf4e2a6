"""Every recorded trace still says what the steps do, and the pages made of it are fresh."""

import copy
import json
import re

import pytest

from course import record
from course.trace_html import FIRST, TEMPLATE

NAMES = list(record.TRACES)


@pytest.mark.parametrize("name", NAMES)
def test_the_trace_and_its_pages_are_committed(name):
    trace = record.stored(name)
    assert trace, f"record it: python3 -m course record {name}"
    for path, text in record.pages(trace).items():
        fresh = path.exists() and path.read_text(encoding="utf-8") == text
        assert fresh, f"{path.name} is stale: python3 -m course record {name}"


def test_no_trace_is_left_from_an_entry_that_is_gone():
    assert {path.stem for path in record.FOLDER.iterdir()} == set(NAMES)


@pytest.fixture(scope="module")
def recorded():
    """Every trace, recorded again from the running steps."""
    return {trace["name"]: trace for trace in record.record_all(NAMES)}


@pytest.mark.slow
@pytest.mark.needs("chromium")
@pytest.mark.parametrize("name", NAMES)
def test_a_new_recording_says_the_same(name, recorded):
    differences = record.compare(record.stored(name), recorded[name])
    if differences:  # a machine that stalls sends two boards where one would do: once more
        [again] = record.record_all([name])
        differences = record.compare(record.stored(name), again)
    assert not differences, "\n".join([f"{name} is stale:", *differences])


@pytest.mark.parametrize("name", NAMES)
def test_an_effect_never_stands_before_its_cause(name):
    events = record.stored(name)["events"]
    assert [e["at"] for e in events] == sorted(e["at"] for e in events)
    place = {
        (e.get("connection"), e["side"], e["kind"], e["label"]): i
        for i, e in reversed(list(enumerate(events)))
    }
    for (connection, side, kind, label), index in place.items():
        other = {
            ("server", "receive"): ("browser", "send"),
            ("browser", "message"): ("server", "send"),
        }
        if (side, kind) in other:
            assert place[(connection, *other[side, kind], label)] < index


@pytest.fixture
def trace():
    return record.stored("step03-echo")


def test_what_differs_from_run_to_run_does_not_count(trace):
    other = copy.deepcopy(trace)
    for event in other["events"]:
        event["at"] += 17
    text = json.dumps(other)
    text = re.sub(r'("Sec-WebSocket-Key", )"[^"]+"', r'\1"AAAAAAAAAAAAAAAAAAAAAA=="', text)
    text = re.sub(r"HeadlessChrome/[\d.]+", "HeadlessChrome/999.0.0.0", text)
    text = re.sub(r'("127\.0\.0\.1", )(?!8003)\d+', r"\g<1>4711", text)
    other = json.loads(text)
    # The sides race: the order between them does not count.
    other["events"].sort(key=lambda event: event["side"])
    assert other != trace
    assert record.compare(trace, other) == []


def change_frame(events):
    next(e for e in events if e["kind"] == "receive")["data"]["text"] = "HI"


def drop_disconnect(events):
    events[:] = [e for e in events if e["kind"] != "disconnect"]


def swap_on_one_side(events):
    first, second = [i for i, e in enumerate(events) if e["kind"] in ("connect", "accept")]
    events[first], events[second] = events[second], events[first]


def lose_header(events):
    scope = next(e for e in events if e["kind"] == "scope")["data"]
    scope["headers"] = [pair for pair in scope["headers"] if pair[0] != "origin"]


def another_code(events):
    last = next(e for e in events if e["kind"] == "close" and "wasClean" in e["data"])
    last["data"]["code"] = 1006


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (change_frame, "server event 4 (receive"),
        (drop_disconnect, "server event 6 (disconnect"),
        (swap_on_one_side, "server event 2 (connect"),
        (lose_header, "server event 1 (scope"),
        (another_code, "browser event 7 (close 1000"),
    ],
)
def test_a_difference_names_its_event(trace, change, event):
    other = copy.deepcopy(trace)
    change(other["events"])
    differences = record.compare(trace, other)
    assert differences and differences[0].startswith(event), differences


@pytest.fixture
def cheer():
    return record.stored("step04-cheer")


def test_two_browsers_and_the_layer_are_in_one_picture(cheer):
    """One send, one group_send, and each of the two consumers gets it from the layer."""
    by = {letter: [e for e in cheer["events"] if e["by"] == letter] for letter in "AB"}
    assert {e["connection"] for e in by["A"]} == {1} and {e["connection"] for e in by["B"]} == {2}
    for events in by.values():
        assert [e["label"] for e in events if e["kind"] == "message"][1:] == ['"go!"']
    calls = [(e["by"], e["data"]["call"]) for e in cheer["events"] if e["side"] == "layer"]
    assert calls == [
        ("A", "group_add"),
        ("B", "group_add"),
        ("A", "group_send"),
        ("B", "group_discard"),
        ("A", "group_discard"),
    ]
    got = [e for e in cheer["events"] if (e["side"], e["kind"]) == ("server", "group")]
    assert sorted(e["by"] for e in got) == ["A", "B"]
    assert len({e["data"]["channel"] for e in got}) == 2


def test_what_a_layer_makes_up_does_not_count_nor_how_connections_race(cheer):
    text = re.sub(r"(inmemory!)\w+", r"\1abcdefghijkl", json.dumps(cheer))
    other = json.loads(text)
    other["events"].sort(key=lambda event: -event["connection"])
    assert other != cheer
    assert record.compare(cheer, other) == []


def test_a_difference_names_its_connection(cheer):
    other = copy.deepcopy(cheer)
    got = [e for e in other["events"] if e["kind"] == "group" and e["by"] == "B"]
    other["events"].remove(got[1])
    differences = record.compare(cheer, other)
    assert differences[0].startswith("server event 5 (group cheer) of connection 2")


def test_who_comes_back_gets_what_was_missed_and_nothing_else():
    events = record.stored("step04-resume")["events"]
    frames = [
        json.loads(e["data"]["data"])
        for e in events
        if (e["connection"], e["side"], e["kind"]) == (3, "browser", "message")
    ]
    assert frames[0]["type"] == "chat_history"
    assert [message["number"] for message in frames[0]["messages"]] == [2, 3]


def test_the_table_without_javascript_names_browsers_and_calls(cheer):
    table = record.noscript_table(cheer)
    assert "<td>browser B</td>" in table and "<td>channel layer A</td>" in table
    assert "<td>group_send</td><td>cheer cheers</td>" in table


def test_credentials_in_a_recording_are_masked():
    text = json.dumps(record.stored("step02-scope"), ensure_ascii=False)
    assert "step02_asgi_sessionid=•••" in text
    assert "a-secret" not in text


SECRETS = {
    "step05-session": "step05_auth_sessionid=•••",
    "step05-ticket": "pulse.v1, ticket.•••",
    "step05-subprotocol": "pulse.v1, bearer.•••",
    "step05-first-message": '{\\"type\\": \\"authenticate\\", \\"token\\": \\"•••\\"}',
    "step05-query": "/ws/whoami/?token=•••",
    "step05-expired": '{\\"type\\": \\"authenticate\\", \\"token\\": \\"•••\\"}',
}


@pytest.mark.parametrize("name", SECRETS)
def test_every_way_in_is_recorded_without_its_credential(name):
    text = json.dumps(record.stored(name), ensure_ascii=False)
    assert SECRETS[name] in text
    assert "eyJ" not in text + json.dumps(record.snippet(record.stored(name)))


ENDINGS = {
    "step05-session": 1000,
    "step05-origin": 1006,
    "step05-anonymous": 4401,
    "step05-query": 4401,
    "step05-forbidden": 4403,
    "step05-logout": 4401,
    "step05-expired": 4401,
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_trace_of_step_05_ends_as_its_title_says(name):
    events = record.stored(name)["events"]
    (closed,) = [e for e in events if e["side"] == "browser" and "wasClean" in e["data"]]
    assert closed["data"]["code"] == ENDINGS[name]


@pytest.mark.needs("chromium")
@pytest.mark.slow
def test_a_trace_with_a_credential_in_it_is_not_written(monkeypatch):
    monkeypatch.setattr(record.Browser, "secrets", lambda browser: {"/ws/echo/async-websocket/"})
    with pytest.raises(record.CourseError, match="1 credential"):
        list(record.record_all(["step03-echo"]))


def test_an_unknown_name_is_a_clear_error():
    with pytest.raises(record.CourseError, match="No trace step99-x. There are:"):
        next(record.record_all(["step99-x"]))


def test_received_text_cannot_leave_its_place_in_the_page():
    trace = copy.deepcopy(record.stored("step03-echo"))
    hostile = '</script></noscript><img src=x onerror=alert(1)>\'"\n```\n--8<-- "x"\n'
    trace["title"] = trace["events"][6]["label"] = hostile
    trace["events"][6]["data"] = {"data": hostile}
    trace["send"] = [hostile]
    html = record.snippet(trace)
    assert "<img" not in html
    assert html.count("</script>") == html.count("</noscript>") == 1
    assert not re.search(r"^(```|\s*--8<--)", html, flags=re.MULTILINE)


def test_first_html_needs_nothing_else():
    page = FIRST.read_text(encoding="utf-8")
    assert "python3 -m course serve" in page and "py -m course serve" in page
    assert not re.search(r"<link|<img|<script[^>]*\bsrc|type=.module|@import|url\(", page)
    assert "{{" not in page


def test_the_inspector_has_the_docs_colours():
    """It brings its own, for pages without the docs' style sheets; they are the same."""

    def schemes(text):
        """Each rule's colours, as they follow one another in the file."""
        rules = re.findall(r"\{([^{}]*--surface:[^{}]*)\}", text)
        return [dict(re.findall(r"(--\w+): (#[0-9a-f]{6});", rule)) for rule in rules]

    docs = record.ROOT / "docs/assets"
    light, dark = schemes((docs / "stylesheets/tokens.css").read_text(encoding="utf-8"))
    assert len(light) == len(dark) == 9
    inspector = (docs / "inspector/inspector.css").read_text(encoding="utf-8")
    assert schemes(inspector) == [light, dark, light, dark]
    for own, theirs in zip(
        schemes(TEMPLATE.read_text(encoding="utf-8")), (light, dark), strict=True
    ):
        assert own.items() <= theirs.items()
