"""The WebSocket path of the feed."""

websocket_urlpatterns = []
