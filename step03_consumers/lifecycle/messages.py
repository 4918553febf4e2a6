"""What the lifecycle consumer reads and sends."""

from echo.messages import InvalidMessage, decode

COMMANDS = ("close", "raise")


def command(text: str) -> dict | None:
    """The command in a text frame, or None: then the text is only to be echoed."""
    try:
        message = decode(text)
    except InvalidMessage:
        return None
    return message if message.get("type") in COMMANDS else None


# --8<-- [start:closing]
def closing(command: dict) -> tuple[int, str]:
    """The code and reason a `close` command asks for, if we may send them."""
    code, reason = command.get("code", 1000), command.get("reason", "")
    # RFC 6455 §7.4: the other codes belong to the protocol.
    if type(code) is not int or not (code == 1000 or 3000 <= code <= 4999):
        raise InvalidMessage("code: must be 1000, or from 3000 to 4999")
    if not isinstance(reason, str):
        raise InvalidMessage("reason: must be text")
    # RFC 6455 §5.5: a control frame holds 125 bytes, two of them the code.
    # A lone surrogate counts as one byte here, and is refused by encode().
    if len(reason.encode(errors="replace")) > 123:
        raise InvalidMessage("reason: must fit in 123 bytes of UTF-8")
    return code, reason


# --8<-- [end:closing]
