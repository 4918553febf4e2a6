"""The HTTP paths of the conversations."""

from django.urls import path

from conversations import api

api_urlpatterns = [
    path("api/conversations/", api.Conversations.as_view()),
    path("api/conversations/<str:conversation_id>/messages/", api.Messages.as_view()),
]

urlpatterns = [*api_urlpatterns]
