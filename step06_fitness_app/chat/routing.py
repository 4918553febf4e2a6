"""The WebSocket path of the conversations."""

from django.urls import re_path

from chat.consumers import ChatConsumer

# Any text, so that what is no id is answered as a stranger's conversation is: not with HTTP 500.
websocket_urlpatterns = [re_path(r"(?s)^ws/chat/(?P<conversation_id>.*)/$", ChatConsumer.as_asgi())]
