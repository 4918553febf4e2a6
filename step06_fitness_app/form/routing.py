"""The WebSocket path of the form coach."""

from django.urls import re_path

from form.consumers import FormConsumer

# Any text, so that what is no id is answered as nobody's: not with HTTP 500.
websocket_urlpatterns = [re_path(r"(?s)^ws/form/(?P<workout_id>.*)/$", FormConsumer.as_asgi())]
