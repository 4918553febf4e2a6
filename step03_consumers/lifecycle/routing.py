"""The lifecycle consumer, and the one that watches it."""

from django.urls import path

from lifecycle import consumers

websocket_urlpatterns = [
    path("ws/lifecycle/", consumers.Lifecycle.as_asgi()),
    path("ws/lifecycle/watch/<slug:name>/", consumers.Watch.as_asgi()),
]
