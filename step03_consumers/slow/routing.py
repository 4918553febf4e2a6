"""The three slow consumers."""

from django.urls import path

from slow import consumers

websocket_urlpatterns = [
    path("ws/slow/sync/", consumers.SlowSync.as_asgi()),
    path("ws/slow/async/", consumers.SlowAsync.as_asgi()),
    path("ws/slow/threads/", consumers.SlowThreads.as_asgi()),
]
