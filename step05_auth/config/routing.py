"""Which ASGI application answers which WebSocket path."""

import alerts.routing
import cheers.routing
import rooms.routing

websocket_urlpatterns = [
    *alerts.routing.websocket_urlpatterns,
    *cheers.routing.websocket_urlpatterns,
    *rooms.routing.websocket_urlpatterns,
]
