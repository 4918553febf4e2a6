"""The WebSocket path that says who you are."""

from django.urls import path

from accounts.consumers import WhoamiConsumer

websocket_urlpatterns = [path("ws/whoami/", WhoamiConsumer.as_asgi())]
