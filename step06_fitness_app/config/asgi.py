"""The ASGI entry point: what Daphne calls for every connection (ASGI_APPLICATION)."""

import gc
import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# --8<-- [start:application]
django_asgi_app = get_asgi_application()

# Only now: this call has loaded the apps, and these may import models.
from accounts.middleware import TokenAuthMiddleware  # noqa: E402
from accounts.origin import SameOriginOnly  # noqa: E402
from config.routing import websocket_urlpatterns  # noqa: E402

sockets = URLRouter(websocket_urlpatterns)

application = ProtocolTypeRouter(
    {
        "http": django_asgi_app,
        # Read from the outside in: whose page, which cookies, who that is, which consumer. Not
        # AuthMiddlewareStack: it asks the database for what the credential asks once more.
        "websocket": SameOriginOnly(CookieMiddleware(TokenAuthMiddleware(sockets))),
    }
)
# --8<-- [end:application]

# What is loaded now stays: the garbage collector need not walk it again. With its default
# thresholds it stops everything for tens of milliseconds as soon as some thousand sockets are open.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 100)
