"""The opening handshake of RFC 6455: what a client sends, and how it checks the answer."""

import base64
import hashlib
import secrets

# --8<-- [start:accept]
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # no secret: RFC 6455, section 1.3


def accept_for(key: str) -> str:
    """The Sec-WebSocket-Accept that answers this key (section 4.2.2)."""
    digest = hashlib.sha1((key + GUID).encode()).digest()
    return base64.b64encode(digest).decode()


# --8<-- [end:accept]


# --8<-- [start:request]
def request_headers(host: str, origin: str | None = None) -> dict[str, str]:
    """The headers that turn a GET into an opening handshake (section 4.1)."""
    headers = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    return headers if origin is None else {**headers, "Origin": origin}


# --8<-- [end:request]


# --8<-- [start:check]
def problems(status: int, headers: dict[str, str], key: str) -> list[str]:
    """What a client must not accept in the answer (section 4.1); header names in lower case."""
    if status != 101:
        return [f"the status is {status}, not 101"]
    found = []
    if headers.get("upgrade", "").lower() != "websocket":
        found.append("Upgrade is not websocket")
    if "upgrade" not in headers.get("connection", "").lower().replace(" ", "").split(","):
        found.append("Connection does not name upgrade")
    if headers.get("sec-websocket-accept") != accept_for(key):
        found.append("Sec-WebSocket-Accept does not answer our key")
    for name in ("sec-websocket-protocol", "sec-websocket-extensions"):
        if name in headers:
            found.append(f"{name} names what we did not ask for")
    return found


# --8<-- [end:check]
