"""The WebSocket path of the conversations."""

from django.urls import re_path

from conversations.consumers import ConversationConsumer

# Any text, so that what is no id is answered as a stranger's conversation is: not with HTTP 500.
websocket_urlpatterns = [
    re_path(r"(?s)^ws/conversations/(?P<conversation_id>.*)/$", ConversationConsumer.as_asgi())
]
