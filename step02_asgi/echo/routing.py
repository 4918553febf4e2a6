"""The WebSocket paths of the echo."""

from django.urls import path

from echo.applications import echo, refuse, stay_silent

# --8<-- [start:routing]
websocket_urlpatterns = [
    path("ws/echo/", echo),
    path("ws/refused/", refuse),
    path("ws/silent/", stay_silent),
]
# --8<-- [end:routing]
