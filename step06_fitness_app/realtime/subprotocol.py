"""The subprotocol of this application."""

NAME = "pulse.v1"


def chosen(scope) -> str | None:
    """Ours, if it was offered; never one that carries a token."""
    return NAME if NAME in scope["subprotocols"] else None
