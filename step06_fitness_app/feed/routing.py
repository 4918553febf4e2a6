"""The WebSocket path of the feed."""

from django.urls import path

from feed.consumers import FeedConsumer

websocket_urlpatterns = [path("ws/social/", FeedConsumer.as_asgi())]
