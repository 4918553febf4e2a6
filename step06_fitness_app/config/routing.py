"""Which ASGI application answers which WebSocket path."""

import accounts.routing
import challenges.routing
import chat.routing
import feed.routing
import form.routing
import notifications.routing
import workouts.routing

websocket_urlpatterns = [
    *accounts.routing.websocket_urlpatterns,
    *chat.routing.websocket_urlpatterns,
    *notifications.routing.websocket_urlpatterns,
    *workouts.routing.websocket_urlpatterns,
    *challenges.routing.websocket_urlpatterns,
    *feed.routing.websocket_urlpatterns,
    *form.routing.websocket_urlpatterns,
]
