"""The WebSocket path of the challenges."""

from django.urls import re_path

from challenges.consumers import ChallengeConsumer

# Any text, so that what is no id is answered as a challenge one may not see.
websocket_urlpatterns = [
    re_path(r"(?s)^ws/challenge/(?P<challenge_id>.*)/$", ChallengeConsumer.as_asgi())
]
