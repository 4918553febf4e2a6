"""The WebSocket path of the cheers."""

from django.urls import path

from cheers.consumers import CheerConsumer

websocket_urlpatterns = [path("ws/cheers/", CheerConsumer.as_asgi())]
