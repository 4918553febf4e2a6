"""Which ASGI application answers which WebSocket path."""

import chat.routing

import accounts.routing

websocket_urlpatterns = [
    *accounts.routing.websocket_urlpatterns,
    *chat.routing.websocket_urlpatterns,
]
