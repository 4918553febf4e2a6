"""The WebSocket path of the workouts."""

websocket_urlpatterns = []
