"""Which ASGI application answers which WebSocket path."""

import echo.routing
import lifecycle.routing
import slow.routing

websocket_urlpatterns = [
    *echo.routing.websocket_urlpatterns,
    *lifecycle.routing.websocket_urlpatterns,
    *slow.routing.websocket_urlpatterns,
]
