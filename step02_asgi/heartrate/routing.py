"""The WebSocket path of the heart rate."""

from django.urls import path

from heartrate.applications import push_heart_rate

websocket_urlpatterns = [
    path("ws/heart-rate/", push_heart_rate),
]
