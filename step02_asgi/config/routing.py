"""Which ASGI application answers which WebSocket path."""

import echo.routing
import handshake.routing
import heartrate.routing

websocket_urlpatterns = [
    *echo.routing.websocket_urlpatterns,
    *handshake.routing.websocket_urlpatterns,
    *heartrate.routing.websocket_urlpatterns,
]
