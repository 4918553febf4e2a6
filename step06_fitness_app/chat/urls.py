"""The HTTP paths of the conversations."""

from django.urls import path

from chat import api, views

urlpatterns = [
    path("api/conversations/", api.Conversations.as_view()),
    path("api/conversations/<str:conversation_id>/messages/", api.Messages.as_view()),
    path("chat/", views.index, name="conversations"),
    path("chat/<int:conversation_id>/", views.conversation, name="conversation"),
]
