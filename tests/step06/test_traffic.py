"""What was recorded from the step is what its AsyncAPI file says."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from conftest import ROOT

from .conftest import STEP

TRACES = sorted((ROOT / "docs/assets/traces").glob("step06-*.json"))


def frames_of(trace: dict) -> list[tuple[str, dict]]:
    """What the server sent, each with the path of its connection: a trace may show several."""
    paths, frames = {}, []
    for event in trace["events"]:
        connection = event.get("by"), event.get("connection")
        if (event["side"], event["kind"]) == ("server", "scope"):
            paths[connection] = event["label"].partition("?")[0]
        if (event["side"], event["kind"]) == ("server", "send"):
            frames.append((paths[connection], json.loads(event["data"]["text"])))
    return frames


@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_recorded_traffic_is_as_described(trace: Path):
    described = json.loads((STEP / "asyncapi.json").read_text("utf-8"))
    frames = frames_of(json.loads(trace.read_text("utf-8")))
    assert frames
    for path, frame in frames:
        (channel,) = [
            channel
            for channel in described["channels"].values()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", channel["address"]), path)
        ]
        sent = [
            message["payload"]
            for key, message in channel["messages"].items()
            if key.startswith("send")
        ]
        jsonschema.Draft202012Validator(
            {"anyOf": sent, "components": described["components"]}
        ).validate(frame)
