"""A recorded trace as HTML: the snippet that pages include, and docs/first.html."""

import json
from html import escape
from pathlib import Path

from course.steps import ROOT

INSPECTOR = ROOT / "docs/assets/inspector"
FIRST = ROOT / "docs/first.html"
FIRST_TRACE = "step03-echo"
TEMPLATE = Path(__file__).with_name("first_template.html")
SIDES = {"browser": "browser", "server": "server", "layer": "channel layer"}


def as_script(trace: dict) -> str:
    """The trace for a <script type="application/json">; nothing in it can end the script."""
    trace = {key: item for key, item in trace.items() if key != "scope"}  # an event has it as well
    return json.dumps(trace, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def escaped(text: object) -> str:
    """Text for an element or an attribute, on one line, which Markdown leaves alone."""
    return escape(str(text)).replace("\r", "&#13;").replace("\n", "&#10;")


def noscript_table(trace: dict) -> str:
    """The same events as a table, for readers without JavaScript; each one's data opens."""
    rows = []
    for event in trace["events"]:
        data = escaped(json.dumps(event["data"], ensure_ascii=False, indent=1))
        side = f"{SIDES[event['side']]} {event.get('by', '')}".strip()
        kind = event["data"].get("call", "group") if event["side"] == "layer" else event["kind"]
        cells = [f"{event['at']:.1f}", side, kind, event["label"]]
        shown = "".join(f"<td>{escaped(cell)}</td>" for cell in cells)
        rows.append(
            f"<tr>{shown}<td><details><summary>data</summary><pre>{data}</pre></details></td></tr>"
        )
    head = "".join(
        f"<th scope='col'>{name}</th>" for name in ("ms", "side", "event", "what", "data")
    )
    return (
        f"<table><caption>{escaped(trace['title'])}: {escaped(trace['url'])}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"
    )


def element(trace: dict) -> str:
    """The whole <wire-trace>, trace and table inside."""
    attributes = {
        "step": trace["step"],
        "url": trace["url"],
        "trace": trace["name"],
        "send": json.dumps(trace["send"], ensure_ascii=False),
        "protocols": json.dumps(trace["protocols"]),
    }
    written = " ".join(f"{name}='{escaped(text)}'" for name, text in attributes.items())
    return (
        f"<wire-trace {written}>\n"
        f'<script type="application/json">{as_script(trace)}</script>\n'
        f"<noscript>\n{noscript_table(trace)}\n</noscript>\n</wire-trace>"
    )


def snippet(trace: dict) -> str:
    """What a page includes. The div makes Markdown take the rest as it stands."""
    return f'<div class="wire-trace">\n{element(trace)}\n</div>\n'


def first_page(trace: dict) -> str:
    """docs/first.html: one file that replays a trace without a server."""
    page = TEMPLATE.read_text(encoding="utf-8")
    parts = {
        "{{ css }}": (INSPECTOR / "inspector.css").read_text(encoding="utf-8"),
        "{{ javascript }}": (INSPECTOR / "inspector.js").read_text(encoding="utf-8"),
        "{{ trace }}": element(trace),
    }
    for mark, text in parts.items():
        page = page.replace(mark, text)
    return page
