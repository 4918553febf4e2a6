"""Where a token can ride in a WebSocket handshake; a browser's script cannot set a header.

The fourth way is the first message (middleware.py). docs/operate/secure.md compares them.
"""

from urllib.parse import parse_qs

from django.conf import settings

from accounts import tickets
from accounts.credentials import NotAuthenticated


# --8<-- [start:subprotocol]
def from_subprotocol(scope, prefix: str) -> list[str]:
    """What was offered as `bearer.<jwt>` or `ticket.<ticket>`, beside the application's own."""
    offered = [name for name in scope["subprotocols"] if name.startswith(prefix)]
    return [name.removeprefix(prefix) for name in offered]


# --8<-- [end:subprotocol]


# --8<-- [start:query]
def from_query(scope) -> list[str]:
    """What came as `?token=`: in every log on the way. Off unless WS_TOKEN_IN_QUERY."""
    fields = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    tokens = fields.get("token", [])
    if tokens and not settings.WS_TOKEN_IN_QUERY:
        raise NotAuthenticated("tokens in the query string are not taken here")
    return tokens


# --8<-- [end:query]


# --8<-- [start:find]
def find(scope) -> tuple[str, str] | None:
    """How the handshake carries a token and that token, or None. Sync: a ticket asks the cache.

    Raises NotAuthenticated for a used or unknown ticket, and for more than one credential: which
    one to believe would be a guess.
    """
    found = [("subprotocol", token) for token in from_subprotocol(scope, "bearer.")]
    found += [("ticket", ticket) for ticket in from_subprotocol(scope, "ticket.")]
    found += [("query", token) for token in from_query(scope)]
    if len(found) > 1:
        raise NotAuthenticated("more than one credential")
    if not found:
        return None
    via, token = found[0]
    if via == "ticket" and (token := tickets.claim(token)) is None:
        raise NotAuthenticated("the ticket is unknown, used, or has expired")
    return via, token


# --8<-- [end:find]
