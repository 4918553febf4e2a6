"""The WebSocket paths of the scope inspector: bare, and inside Channels' login middleware."""

from channels.auth import AuthMiddlewareStack
from django.urls import path

from handshake.applications import show_scope

# --8<-- [start:routing]
websocket_urlpatterns = [
    path("ws/scope/", show_scope),
    path("ws/scope/auth/", AuthMiddlewareStack(show_scope)),
]
# --8<-- [end:routing]
