"""Which ASGI application answers which WebSocket path."""

from importlib import import_module

APPS = ["accounts", "chat", "notifications", "workouts", "challenges", "feed", "form"]

websocket_urlpatterns = [
    route for app in APPS for route in import_module(f"{app}.routing").websocket_urlpatterns
]
