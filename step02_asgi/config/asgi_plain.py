"""The same sockets without Channels: `daphne config.asgi_plain:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_asgi_app = get_asgi_application()

# Only now: this call has loaded the apps, and what follows may import models.
from echo.applications import echo, refuse, stay_silent  # noqa: E402
from heartrate.applications import push_heart_rate  # noqa: E402

# --8<-- [start:application]
SOCKETS = {
    "/ws/echo/": echo,
    "/ws/refused/": refuse,
    "/ws/silent/": stay_silent,
    "/ws/heart-rate/": push_heart_rate,
}


async def application(scope, receive, send):
    """Do by hand what ProtocolTypeRouter and URLRouter do; an unknown path is refused."""
    if scope["type"] == "http":
        await django_asgi_app(scope, receive, send)
    elif scope["type"] == "websocket":
        await SOCKETS.get(scope["path"], refuse)(scope, receive, send)
    else:
        raise ValueError(f"No application for scope type {scope['type']!r}")


# --8<-- [end:application]
