"""Which ASGI application answers which WebSocket path."""

import accounts.routing
import alerts.routing
import conversations.routing
import rooms.routing

websocket_urlpatterns = [
    *accounts.routing.websocket_urlpatterns,
    *alerts.routing.websocket_urlpatterns,
    *conversations.routing.websocket_urlpatterns,
    *rooms.routing.websocket_urlpatterns,
]
