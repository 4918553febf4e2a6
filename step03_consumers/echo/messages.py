"""JSON objects in text frames, checked by hand: `json.loads` lets through what nobody can use."""

import json


class InvalidMessage(Exception):
    """A frame that is not what was asked for; its text tells the sender why."""


# --8<-- [start:checks]
def not_json(constant: str):
    """Refuse NaN and Infinity: Python reads them, JSON has no such thing."""
    raise InvalidMessage(f"not JSON: {constant} is no JSON value")


def decode(text: str | None) -> dict:
    """The JSON object in a text frame; `text` is None when the frame was binary."""
    if text is None:
        raise InvalidMessage("a binary frame: send the JSON object as text")
    try:
        content = json.loads(text, parse_constant=not_json)
    except RecursionError:
        raise InvalidMessage("not readable: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise InvalidMessage(f"not JSON: {error}") from None
    except ValueError:  # Python reads no integer of more than 4,300 digits
        raise InvalidMessage("not readable: a number has too many digits") from None
    if not isinstance(content, dict):
        raise InvalidMessage("not a JSON object: send {…}")
    return content


def encode(content: dict) -> str:
    """The text frame for a JSON object."""
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        text.encode()
    except RecursionError:
        raise InvalidMessage("not readable: nested too deeply") from None
    except UnicodeEncodeError:  # "\ud800" is JSON, but half a character cannot be UTF-8
        raise InvalidMessage("not text: a lone surrogate such as \\ud800") from None
    except ValueError:  # 1e999 was read as infinity
        raise InvalidMessage("not readable: a number is too large") from None
    return text


# --8<-- [end:checks]


def error(detail: str) -> dict:
    """What a sender gets for a frame nobody can use; the socket stays open."""
    return {"type": "error", "code": "invalid_message", "detail": detail}
