"""The page of a step's sockets: made from its AsyncAPI file, type by type."""

import json

import pytest

from course.sockets import kind_of, socket_tables

KINDS = {
    "text": {"type": "string"},
    "text 1–80": {"type": "string", "minLength": 1, "maxLength": 80},
    "number ≥ 0": {"type": "number", "minimum": 0},
    "integer ≤ 1,000": {"type": "integer", "maximum": 1000},
    "integer 0–2⁶³−1": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
    "number 0.5–1": {"type": "number", "minimum": 0.5, "maximum": 1},
    "`up` or `down` or null": {"anyOf": [{"enum": ["up", "down"]}, {"type": "null"}]},
    "list 1–100 of Totals": {
        "type": "array",
        "minItems": 1,
        "maxItems": 100,
        "items": {"$ref": "#/components/schemas/workouts.Totals"},
    },
    "list 8 of [number, boolean]": {
        "type": "array",
        "minItems": 8,
        "maxItems": 8,
        "items": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "boolean"}]},
    },
    "object of integer by name": {"type": "object", "additionalProperties": {"type": "integer"}},
}


@pytest.mark.parametrize("told", KINDS)
def test_a_schema_in_a_few_words(told):
    assert kind_of(KINDS[told], {}) == told


def channel(address: str, *names: str) -> dict:
    payload = {"$ref": "#/components/schemas/Say"}
    messages = {
        f"receive.{name}": {"name": name, "summary": f"To {name} | aloud.", "payload": payload}
        for name in names
    }
    return {"address": address, "description": "At /ws/<id>/.\n\nTwo.", "messages": messages}


def test_each_socket_has_a_table_and_what_all_have_stands_once(tmp_path):
    say = {"properties": {"type": {"enum": ["say"]}, "text": {"type": "string"}}, "required": []}
    channels = {"a": channel("/ws/{id}/", "say", "hear"), "b": channel("/ws/b/", "say")}
    described = {"channels": channels, "components": {"schemas": {"Say": say}}}
    file = tmp_path / "step09_x" / "asyncapi.json"
    file.parent.mkdir()
    file.write_text(json.dumps(described), encoding="utf-8")
    page = "\n".join(socket_tables(file))
    assert "`step09_x/asyncapi.json`" in page
    assert "## `/ws/{id}/`\n\nAt /ws/&lt;id>/. Two.\n" in page
    assert page.count("| → | `hear` | `text?` text | To hear \\| aloud. |") == 1
    assert page.count("| → | `say` |") == 1
    assert page.index("## Every socket") < page.index("`say`")
