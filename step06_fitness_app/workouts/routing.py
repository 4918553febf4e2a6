"""The WebSocket path of the workouts."""

from django.urls import re_path

from workouts.consumers import WorkoutConsumer

# Any text, so that what is no id is answered as nobody's: not with HTTP 500.
websocket_urlpatterns = [re_path(r"(?s)^ws/workout/(?P<user_id>.*)/$", WorkoutConsumer.as_asgi())]
