"""The five echoes, a path each."""

from django.urls import path

from echo import consumers

websocket_urlpatterns = [
    path("ws/echo/async-consumer/", consumers.AsyncEcho.as_asgi()),
    path("ws/echo/sync-consumer/", consumers.SyncEcho.as_asgi()),
    path("ws/echo/websocket/", consumers.WebsocketEcho.as_asgi()),
    path("ws/echo/async-websocket/", consumers.AsyncWebsocketEcho.as_asgi()),
    path("ws/echo/json/", consumers.JsonEcho.as_asgi()),
]
