"""docs/operate/socket-api.md: the tables of a step's asyncapi.json."""

import json
from collections.abc import Iterator
from pathlib import Path


def socket_tables(file: Path) -> list[str]:
    """For each socket of an AsyncAPI file a table: which way, type, fields, what it says."""
    described = json.loads(file.read_text(encoding="utf-8"))
    schemas = described["components"]["schemas"]
    lines = [
        "Each message is a JSON object; the `type` says which. A client sends what has an →, the"
        " server what has an ←. A field with `?` may be left out.",
        "",
        f"The same as AsyncAPI 3.0 is in `{file.parent.name}/{file.name}`, made by"
        " `manage.py asyncapi` from the types that the consumers decode and encode. How a client"
        " proves who it is: [Secure](secure.md).",
        "",
        "`PersonConsumer` is the class under all of them. It closes with 4400 (bad messages again"
        " and again), 4401 (not or no longer logged in), 4403 (a token of somebody else's), 4429"
        " (too much) and 4013 (come again later), each after a `closing` frame.",
    ]
    shared = set.intersection(*(set(c["messages"]) for c in described["channels"].values()))
    for channel in described["channels"].values():
        lines += ["", f"## `{channel['address']}`", "", prose(channel["description"]), ""]
        lines += table(channel, schemas, set(channel["messages"]) - shared)
    lines += ["", "## Every socket", ""]
    lines += table(channel, schemas, shared)
    nested = [name for name, schema in schemas.items() if "type" not in schema["properties"]]
    lines += ["", "## Parts", "", "| part | fields |", "| --- | --- |"]
    lines += [f"| {short(name)} | {fields_of(schemas[name], schemas)} |" for name in nested]
    return lines


def table(channel: dict, schemas: dict, keys: set[str]) -> Iterator[str]:
    """The messages of a channel that are among `keys`."""
    yield "| way | type | fields | what it says |"
    yield "| --- | --- | --- | --- |"
    for key, message in channel["messages"].items():
        if key in keys:
            arrow = "→" if key.startswith("receive") else "←"
            fields = fields_of(resolve(message["payload"], schemas), schemas)
            yield f"| {arrow} | `{message['name']}` | {fields} | {cell(message['summary'])} |"


def fields_of(schema: dict, schemas: dict) -> str:
    """Each field and what it may be."""
    fields = {name: part for name, part in schema["properties"].items() if name != "type"}
    told = []
    for name, part in fields.items():
        optional = "" if name in schema["required"] else "?"
        told.append(f"`{name}{optional}` {cell(kind_of(part, schemas))}")
    return "<br>".join(told) or "none"


def kind_of(part: dict, schemas: dict) -> str:
    """A JSON schema in a few words."""
    if "$ref" in part:
        return short(part["$ref"].split("/")[-1])
    if "anyOf" in part:
        return " or ".join(kind_of(each, schemas) for each in part["anyOf"])
    if "enum" in part:
        return " or ".join(f"`{value}`" for value in part["enum"])
    kind = part.get("type", "anything")
    if kind == "array" and "prefixItems" in part:
        return "[" + ", ".join(kind_of(each, schemas) for each in part["prefixItems"]) + "]"
    if kind == "array":
        count = span(part, "minItems", "maxItems")
        return f"list{count} of {kind_of(part.get('items', {}), schemas)}"
    if kind == "object" and isinstance(part.get("additionalProperties"), dict):
        return f"object of {kind_of(part['additionalProperties'], schemas)} by name"
    if kind == "string":
        return part.get("format", "text") + span(part, "minLength", "maxLength")
    return kind + span(part, "minimum", "maximum")


def span(part: dict, least: str, most: str) -> str:
    """` 1–80`, ` ≥ 0`, or nothing."""
    low, high = (number(part[key]) if key in part else None for key in (least, most))
    if low is not None and high is not None:
        return f" {low}–{high}" if low != high else f" {low}"
    return f" ≥ {low}" if low is not None else f" ≤ {high}" if high is not None else ""


def number(value: float) -> str:
    return "2⁶³−1" if value == 2**63 - 1 else f"{value:,.0f}" if value == int(value) else str(value)


def resolve(payload: dict, schemas: dict) -> dict:
    return schemas[payload["$ref"].split("/")[-1]]


def short(name: str) -> str:
    return name.split(".")[-1]


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def prose(text: str) -> str:
    """A docstring as a paragraph of a page."""
    return " ".join(text.split()).replace("<", "&lt;")
