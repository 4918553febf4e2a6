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
    """The code and the reason a `close` command asks for, if an application may send them."""
    code, reason = command.get("code", 1000), command.get("reason", "")
    # RFC 6455 §7.4: the other codes belong to the protocol. bool is an int in Python, not in JSON.
    if type(code) is not int or not (code == 1000 or 3000 <= code <= 4999):
        raise InvalidMessage("code: must be 1000, or from 3000 to 4999")
    if not isinstance(reason, str):
        raise InvalidMessage("reason: must be text")
    # RFC 6455 §5.5: a control frame holds 125 bytes, two of them the code. An unpaired
    # surrogate counts as one here and is refused with the others when it is sent.
    if len(reason.encode(errors="replace")) > 123:
        raise InvalidMessage("reason: must fit in 123 bytes of UTF-8")
    return code, reason


# --8<-- [end:closing]
