"""Whether two recordings of one trace say the same."""

import json
import re
from itertools import product

VOLATILE = [
    (re.compile(r"[A-Za-z0-9+/]{22}=="), "<key>"),
    (re.compile(r"[A-Za-z0-9+/]{27}="), "<accept>"),
    (re.compile(r'("127\.0\.0\.1", )\d+'), r"\g<1><port>"),
    (re.compile(r"Mozilla/5\.0[^\"]*"), "<browser>"),
    (re.compile(r"specific\.+\w+!\w+"), "<channel>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+Z"), "<time>"),
    (re.compile(r"\broom\.\d+"), "<room>"),
    (re.compile(r'"time":[\d.]+,"elapsed_seconds":[\d.]+'), "<since the beginning>"),
    (re.compile(r'"duration_seconds":[\d.]+'), "<how long>"),
    (re.compile(r"Daphne/[\d.]+|daphne/[\d.]+"), "<daphne>"),
]
BROWSERS_OWN = ("accept-language", "accept-encoding")  # change with its version


def normalised(value, name: str = ""):
    """A value without what differs from run to run: keys, ports, times, channels, browsers."""
    if isinstance(value, dict):
        return {key: normalised(item, key) for key, item in value.items() if key != "at"}
    if name == "client":
        return "<client>"
    if name == "headers":
        kept = [[key, normalised(text)] for key, text in value if key.lower() not in BROWSERS_OWN]
        return sorted(kept)
    if isinstance(value, list):
        return [normalised(item) for item in value]
    if isinstance(value, str):
        for pattern, text in VOLATILE:
            value = pattern.sub(text, value)
    return value


def compare(stored: dict, fresh: dict) -> list[str]:
    """What two recordings of one trace say differently, each naming its event.

    The sides race, so each keeps its own order and the order between them does not count; so do
    the connections of one trace.
    """
    differences = []
    for key in ("name", "step", "folder", "url", "title", "send", "protocols"):
        if stored.get(key) != fresh.get(key):
            differences.append(f"{key}: {stored.get(key)!r} is now {fresh.get(key)!r}")
    traces = (stored, fresh)
    connections = {event.get("connection", 0) for trace in traces for event in trace["events"]}
    for connection, side in product(sorted(connections), ("browser", "server", "layer")):
        then, now = (
            [normalised(event) for event in trace["events"] if belongs(event, connection, side)]
            for trace in traces
        )
        for number in range(max(len(then), len(now))):
            was = then[number] if number < len(then) else None
            is_ = now[number] if number < len(now) else None
            if was != is_:
                event = was or is_
                place = f"{side} event {number + 1} ({event['kind']} {event['label']})"
                place += f" of connection {connection}" if connection else ""
                differences.append(f"{place}: {json.dumps(was)} is now {json.dumps(is_)}")
    return differences


def belongs(event: dict, connection: int, side: str) -> bool:
    return event["side"] == side and event.get("connection", 0) == connection
