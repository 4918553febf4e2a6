"""The WebSocket path of the challenges."""

websocket_urlpatterns = []
