"""The scope inspector: a socket that answers with its own scope."""

import json
import re
from urllib.parse import unquote_plus

from handshake.handshake import accept_for

# --8<-- [start:set_by]
SERVER, ROUTER = "the server (Daphne)", "URLRouter"
SET_BY = {
    "type": SERVER,
    "asgi": SERVER,
    "path": SERVER,
    "raw_path": SERVER,
    "root_path": SERVER,
    "query_string": SERVER,
    "headers": SERVER,
    "subprotocols": SERVER,
    "client": SERVER,
    "server": SERVER,
    "path_remaining": ROUTER,
    "url_route": ROUTER,
    "cookies": "CookieMiddleware",
    "session": "SessionMiddleware",
    "user": "AuthMiddleware",
}
# --8<-- [end:set_by]
UNKNOWN = "somebody this table does not know"

MASK = "•••"
SECRET_NAME = re.compile(r"token|ticket|secret|key|passw|session|auth|jwt", re.IGNORECASE)


# --8<-- [start:show_scope]
async def show_scope(scope, receive, send):
    """Send the scope as JSON, credentials masked, at /ws/scope/[auth/]."""
    await receive()
    await send({"type": "websocket.accept"})
    key = dict(scope["headers"]).get(b"sec-websocket-key", b"")
    message = {
        "type": "scope",
        "scope": readable(scope),
        "set_by": {name: SET_BY.get(name, UNKNOWN) for name in scope},
        "accept": accept_for(key.decode("latin-1")),
    }
    await send({"type": "websocket.send", "text": json.dumps(message)})
    while (await receive())["type"] != "websocket.disconnect":
        pass


# --8<-- [end:show_scope]


def readable(value, name=""):
    """The value as JSON can hold it: bytes decoded, credentials masked."""
    if name == "headers":
        return [[readable(key), readable(text, key.decode("latin-1"))] for key, text in value]
    if name == "cookies":
        return dict.fromkeys(value, MASK)
    if isinstance(value, dict):
        return {str(key): readable(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [readable(item, name) for item in value]
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return masked(name, value)
    plain = value is None or isinstance(value, int | float)
    return value if plain else f"<{value.__class__.__name__}>"


def masked(name, text):
    """A header, query string or subprotocol without what lets others act as its sender."""
    if name == "cookie":
        pairs = (cookie.strip().partition("=") for cookie in text.split(";"))
        return "; ".join(f"{name}={MASK}" if equals else MASK for name, equals, _ in pairs)
    if name in ("authorization", "proxy-authorization"):
        return f"{text.split(' ')[0]} {MASK}" if " " in text else MASK
    if name in ("sec-websocket-protocol", "subprotocols"):
        return re.sub(r"(bearer|ticket)\.[^\s,]+", rf"\1.{MASK}", text, flags=re.IGNORECASE)
    if name == "query_string":
        return "&".join(map(masked_pair, text.split("&")))
    return text


def masked_pair(pair):
    """One name=value of a query string; the name may be percent-encoded."""
    name, equals, _ = pair.partition("=")
    return f"{name}={MASK}" if equals and SECRET_NAME.search(unquote_plus(name)) else pair
