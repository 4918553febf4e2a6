"""The WebSocket path of the rooms."""

from django.urls import re_path

from rooms.consumers import RoomConsumer

# Any text, so that what is no slug is answered too: with 4404, not with HTTP 500.
websocket_urlpatterns = [re_path(r"(?s)^ws/chat/(?P<slug>.*)/$", RoomConsumer.as_asgi())]
