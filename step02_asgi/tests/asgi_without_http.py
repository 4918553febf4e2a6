"""A mistake: a ProtocolTypeRouter without "http"."""

from channels.routing import ProtocolTypeRouter, URLRouter

from config.asgi import websocket_urlpatterns

# --8<-- [start:wrong]
application = ProtocolTypeRouter({"websocket": URLRouter(websocket_urlpatterns)})
# --8<-- [end:wrong]
