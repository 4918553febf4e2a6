"""The WebSocket path of the rooms."""

from django.urls import path

from rooms.consumers import RoomConsumer

# <str:>, so that a name which is no slug is answered too: with 4404, not with HTTP 500.
websocket_urlpatterns = [path("ws/chat/<str:slug>/", RoomConsumer.as_asgi())]
