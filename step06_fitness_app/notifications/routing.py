"""The WebSocket path of the notifications."""

websocket_urlpatterns = []
