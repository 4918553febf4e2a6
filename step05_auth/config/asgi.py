"""The ASGI entry point: what Daphne calls for every connection (ASGI_APPLICATION)."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# --8<-- [start:application]
django_asgi_app = get_asgi_application()

# Only now: this call has loaded the apps, and the routing may import models.
from config.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_asgi_app,
        "websocket": SessionMiddlewareStack(URLRouter(websocket_urlpatterns)),
    }
)
# --8<-- [end:application]
