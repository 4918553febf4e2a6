"""Whether a frame is what its socket says it gives: so every test that hears one checks it."""

from functools import cache

import msgspec

from config.routing import websocket_urlpatterns


def check(path: str, frame: dict) -> None:
    """Raises unless the consumer of that path lists this frame in its `messages.Outgoing`."""
    if consumer := consumer_of(path):
        struct = msgspec.convert(frame, consumer.messages.Outgoing, dec_hook=choices)
        fields = {struct.__struct_config__.tag_field, *struct.__struct_encode_fields__}
        assert frame.keys() <= fields, f"{sorted(frame.keys() - fields)} of {frame}"


@cache
def consumer_of(path: str):
    for route in websocket_urlpatterns:
        if route.pattern.match(path.removeprefix("/")):
            return route.callback.consumer_class


def choices(type_, value):
    return type_(value)
