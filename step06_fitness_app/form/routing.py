"""The WebSocket path of the form."""

websocket_urlpatterns = []
