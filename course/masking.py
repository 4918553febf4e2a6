"""What the wire inspector shows of ASGI events: readable, bounded, and without credentials.

Used by course/tap.py before an event leaves the process, and by course/record.py for headers.
"""

import re
from json import dumps
from urllib.parse import unquote_plus

MASK = "•••"
MAX_TEXT = 4096  # characters of one frame that are shown
MAX_BYTES = 512  # bytes of one binary frame that are shown
SECRET_NAME = re.compile(r"token|ticket|jwt|auth|secret|passw|key|session|signature", re.IGNORECASE)
SECRET_PROTOCOL = re.compile(r"\b(bearer|ticket)\.[^\s,]+", re.IGNORECASE)
# The same in docs/assets/inspector/inspector.js, for what the page itself sends.
SECRET_FIELD = re.compile(
    r'("(?:token|ticket|access|refresh|password)"\s*:\s*")(?:[^"\\]|\\.)*', re.IGNORECASE
)
JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")


def masked_text(text: str) -> str:
    """A frame, or any other text, without the credentials that are fields of it."""
    return JWT.sub(MASK, SECRET_FIELD.sub(rf"\1{MASK}", text))


def masked_query(query: str) -> str:
    """A query string, or a URL that ends in one, without the values of secret-sounding names."""

    def pair(match: re.Match) -> str:
        name = match[1]
        return f"{name}={MASK}" if SECRET_NAME.search(unquote_plus(name)) else match[0]

    return re.sub(r"([^&;=?#]+)=([^&;#]*)", pair, query)


def masked_protocol(value: str) -> str:
    """One subprotocol or a list of them; a credential that travels as one keeps its kind only."""
    return SECRET_PROTOCOL.sub(rf"\1.{MASK}", value)


def masked_header(name: str, value: str) -> str:
    """A header's value without what would let somebody else act as its sender."""
    name = name.lower()
    if name == "cookie":
        return "; ".join(f"{part.split('=')[0].strip()}={MASK}" for part in value.split(";"))
    if name == "set-cookie":
        return re.sub(r"=[^;]*", f"={MASK}", value, count=1)
    if name in ("authorization", "proxy-authorization"):
        scheme, space, _ = value.partition(" ")
        return f"{scheme} {MASK}" if space else MASK
    if name == "referer":
        return masked_query(value)
    return masked_protocol(value) if name == "sec-websocket-protocol" else value


def readable(value: object, key: str = "") -> object:
    """The same value as JSON can hold it: bytes as text, credentials masked, long text cut."""
    if key == "headers":
        pairs = [(name.decode("latin-1"), text.decode("latin-1")) for name, text in value]
        return [[name, masked_header(name, text)] for name, text in pairs]
    if isinstance(value, dict):
        return {str(name): readable(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [readable(item, "subprotocol" if key == "subprotocols" else "") for item in value]
    if isinstance(value, bytes):
        if key == "bytes":  # a binary frame
            more = f" … ({len(value)} bytes)" if len(value) > MAX_BYTES else ""
            return value[:MAX_BYTES].hex(" ") + more
        value = value.decode("latin-1")
    if isinstance(value, str):
        if key == "query_string":
            return masked_query(value)
        if key == "subprotocol":
            return masked_protocol(value)
        value = masked_text(value)
        if len(value) > MAX_TEXT:
            return f"{value[:MAX_TEXT]} … ({len(value)} characters)"
        return value
    return value if value is None or isinstance(value, (int, float)) else repr(value)


def label(message: dict) -> str:
    """The few characters of an event that stand on the time line; its kind stands beside them."""
    if message.get("bytes") is not None:
        size = len(message["bytes"])
        return "1 byte" if size == 1 else f"{size} bytes"
    if message.get("text") is not None:
        text = masked_text(message["text"])
        short = text if len(text) < 60 else text[:59] + "…"
        return short if text[:1] in ("{", "[") else dumps(short, ensure_ascii=False)
    if message.get("subprotocol"):
        return masked_protocol(message["subprotocol"])
    return str(message["code"]) if "code" in message else ""
