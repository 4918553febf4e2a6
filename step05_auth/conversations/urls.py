"""The HTTP paths of the conversations."""

from django.urls import path

from conversations import api, views

urlpatterns = [
    path("api/conversations/", api.Conversations.as_view()),
    path("api/conversations/<str:conversation_id>/messages/", api.Messages.as_view()),
    path("conversations/", views.index, name="conversations"),
    path("conversations/<int:conversation_id>/", views.conversation, name="conversation"),
]
