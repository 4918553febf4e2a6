"""The description of the sockets: current, valid, and true of what travels."""

import json
import re

import jsonschema
import pytest
from django.core.management import CommandError, call_command

from config.routing import websocket_urlpatterns
from tests import described
from tests.conftest import STEP

WRITTEN = json.loads((STEP / "asyncapi.json").read_text("utf-8"))


def test_the_committed_file_is_what_would_be_written():
    call_command("asyncapi", check=True)


def test_a_stale_file_is_said_to_be_stale_and_written_anew(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match="asyncapi.json is stale: run"):
        call_command("asyncapi", check=True)
    call_command("asyncapi")
    call_command("asyncapi", check=True)
    assert json.loads((tmp_path / "asyncapi.json").read_text("utf-8")) == WRITTEN


# The rules of AsyncAPI 3.0 that can be looked at without a network


def references(part) -> list[str]:
    if isinstance(part, list):
        return [found for each in part for found in references(each)]
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for each in part.values() for found in references(each)]
    return []


def resolve(reference: str) -> dict:
    part = WRITTEN
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]
    return part


def test_every_reference_leads_somewhere():
    found = references(WRITTEN)
    assert len(found) > 100
    for reference in found:
        assert isinstance(resolve(reference), dict)


def test_it_has_what_a_version_3_document_must_have():
    assert re.fullmatch(r"3\.\d+\.\d+", WRITTEN["asyncapi"])
    assert {"title", "version"} <= WRITTEN["info"].keys()
    known = {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations"}
    assert WRITTEN.keys() <= known | {"components"}
    for server in WRITTEN["servers"].values():
        assert {"host", "protocol"} <= server.keys()
    for names in WRITTEN["components"].values():
        assert all(re.fullmatch(r"[a-zA-Z0-9.\-_]+", name) for name in names)


def test_channels_have_an_address_its_parameters_and_messages():
    fields = {"address", "messages", "title", "summary", "description", "parameters", "bindings"}
    for channel in WRITTEN["channels"].values():
        assert channel.keys() <= fields
        in_address = set(re.findall(r"\{([^}]+)\}", channel["address"]))
        assert in_address == channel.get("parameters", {}).keys()
        for message in channel["messages"].values():
            assert message["name"] and message["summary"] and message["payload"]


def test_operations_name_messages_of_their_own_channel():
    for name, operation in WRITTEN["operations"].items():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        assert name == f"{operation['action']}.{channel.split('/')[-1]}"
        assert operation["messages"]
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/{operation['action']}.")


def test_schemas_are_json_schemas_that_ask_for_their_type():
    for channel in WRITTEN["channels"].values():
        for message in channel["messages"].values():
            schema = resolve(message["payload"]["$ref"])
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["properties"]["type"] == {"enum": [message["name"]]}
            assert "type" in schema["required"]


def test_five_ways_to_prove_who_one_is():
    schemes = WRITTEN["components"]["securitySchemes"]
    assert sorted(schemes) == ["message", "query", "session", "subprotocol", "ticket"]
    (server,) = WRITTEN["servers"].values()
    assert {each["$ref"].split("/")[-1] for each in server["security"]} == schemes.keys()
    for scheme in schemes.values():
        if scheme["type"] == "httpApiKey":
            assert scheme["name"] and scheme["in"] in ("query", "header", "cookie")
        else:
            assert (scheme["type"], scheme["in"]) == ("apiKey", "password")


# True of the code


def test_every_socket_is_described():
    addresses = [channel["address"] for channel in WRITTEN["channels"].values()]
    assert len(addresses) == len(set(addresses)) == len(websocket_urlpatterns)
    for address in addresses:
        assert described.consumer_of(re.sub(r"\{\w+\}", "1", address))


def test_every_type_has_words_of_its_own():
    """A Struct without a docstring would be summed up by its base's."""
    for route in websocket_urlpatterns:
        messages = route.callback.consumer_class.messages
        for struct in (*messages.Incoming.__args__, *messages.Outgoing.__args__):
            assert "__doc__" in vars(struct) and struct.__doc__, struct


# True of what travels


def validator(address: str, action: str) -> jsonschema.Draft202012Validator:
    (channel,) = [
        channel
        for channel in WRITTEN["channels"].values()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", channel["address"]), address)
    ]
    messages = channel["messages"].items()
    found = [message["payload"] for name, message in messages if name.startswith(f"{action}.")]
    schema = {"anyOf": found, "components": WRITTEN["components"]}
    return jsonschema.Draft202012Validator(schema)


def test_a_frame_that_is_not_described_is_found():
    """What every test of a socket does with what it hears: tests/described.py."""
    good = {"type": "whoami", "user_id": 1, "username": "ada", "via": "session"}
    described.check("/ws/whoami/", good)
    validator("/ws/whoami/", "send").validate(good)
    for bad in ({**good, "type": "who"}, {**good, "user_id": "1"}, {"type": "whoami"}):
        with pytest.raises(ValueError):
            described.check("/ws/whoami/", bad)
        with pytest.raises(jsonschema.ValidationError):
            validator("/ws/whoami/", "send").validate(bad)
    with pytest.raises(AssertionError, match="password"):
        described.check("/ws/whoami/", {**good, "password": "x"})
