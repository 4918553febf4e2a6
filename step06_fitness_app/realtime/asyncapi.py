"""What all sockets take and give, as AsyncAPI 3.0: read off the consumers' message types."""

import re
from inspect import getdoc
from typing import get_args

from msgspec import Struct, json

from realtime.numbered import NumberedMixin
from realtime.subprotocol import NAME


def key(place: str, name: str, description: str) -> dict:
    return {"type": "httpApiKey", "in": place, "name": name, "description": description}


OFFERED = ("header", "Sec-WebSocket-Protocol")
SECURITY = {
    "session": key("cookie", "sessionid", "Of a page that logged in; begins with the project."),
    "ticket": key(*OFFERED, f"{NAME}, ticket.<ticket>: from POST /api/ws-ticket/, good once."),
    "subprotocol": key(*OFFERED, f"{NAME}, bearer.<access token>"),
    "query": key("query", "token", "An access token, where WS_TOKEN_IN_QUERY allows it."),
    "message": {
        "type": "apiKey",
        "in": "password",
        "description": "Nothing in the handshake: an access token in the first message.",
    },
}
AFTER = {"type": "integer", "minimum": 0, "description": "The last number you have: send the rest."}


def document() -> dict:
    """The whole description. The same code gives the same text."""
    from config.routing import websocket_urlpatterns

    routes = {address_of(route.pattern): route.callback for route in websocket_urlpatterns}
    consumers = {address: app.consumer_class for address, app in sorted(routes.items())}
    unions = [(c.messages.Incoming, c.messages.Outgoing) for c in consumers.values()]
    structs = list(dict.fromkeys(s for pair in unions for union in pair for s in get_args(union)))
    template = "#/components/schemas/{name}"
    refs, schemas = json.schema_components(structs, schema_hook=choices, ref_template=template)
    for schema in schemas.values():  # Python 3.13 takes the indentation out of a docstring
        if "description" in schema:
            schema["description"] = " ".join(schema["description"].split())
    payloads = dict(zip(structs, refs, strict=True))
    channels, operations = {}, {}
    for address, consumer in consumers.items():
        name = address.split("/")[2]
        channel = channels[name] = {"address": address, "description": getdoc(consumer)}
        if parameters := re.findall(r"\{(\w+)\}", address):
            channel["parameters"] = {each: {"description": "1 to 18 digits"} for each in parameters}
        if issubclass(consumer, NumberedMixin):
            query = {"type": "object", "properties": {"after": AFTER}}
            channel["bindings"] = {"ws": {"query": query}}
        channel["messages"] = {}
        # As the server sees it: it receives what a client sends.
        for action, union in ("receive", "Incoming"), ("send", "Outgoing"):
            found = get_args(getattr(consumer.messages, union))
            described = [message(struct, payloads[struct]) for struct in found]
            messages = {f"{action}.{each['name']}": each for each in described}
            channel["messages"] |= messages
            operations[f"{action}.{name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{each}"} for each in messages],
            }
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Pulse", "version": "1"},
        "defaultContentType": "application/json",
        "servers": {"here": {"host": "127.0.0.1:8000", "protocol": "ws", "security": security}},
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas, "securitySchemes": SECURITY},
    }


def address_of(pattern) -> str:
    """The path of a route, with its {parameters}."""
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", r"{\1\2}", str(pattern))
    return "/" + route.removeprefix("(?s)").strip("^$")


def choices(type_) -> dict:
    """Django's choices, which msgspec does not describe by itself."""
    return {"type": "string", "enum": type_.values}


def message(struct: type[Struct], payload: dict) -> dict:
    tag, text = struct.__struct_config__.tag, " ".join(struct.__doc__.split())
    return {"name": tag, "summary": text, "payload": payload}
