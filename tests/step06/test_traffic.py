"""What was recorded from the step is what its AsyncAPI file says."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from conftest import ROOT

from .conftest import STEP

TRACES = sorted((ROOT / "docs/assets/traces").glob("step06-*.json"))


@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_recorded_traffic_is_as_described(trace: Path):
    described = json.loads((STEP / "asyncapi.json").read_text("utf-8"))
    recorded = json.loads(trace.read_text("utf-8"))
    path = recorded["url"].partition("?")[0]
    (channel,) = [
        channel
        for channel in described["channels"].values()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", channel["address"]), path)
    ]
    sent = [
        message["payload"] for key, message in channel["messages"].items() if key.startswith("send")
    ]
    validator = jsonschema.Draft202012Validator(
        {"anyOf": sent, "components": described["components"]}
    )
    for event in recorded["events"]:
        if (event["side"], event["kind"]) == ("server", "send"):
            validator.validate(json.loads(event["data"]["text"]))
