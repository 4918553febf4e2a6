"""The HTTP paths of the notifications."""

from django.urls import path

from notifications import api, views

api_urlpatterns = [
    path("api/notifications/", api.Notifications.as_view()),
    path("api/notifications/marks/", api.Marks.as_view()),
]

urlpatterns = [*api_urlpatterns, path("notifications/", views.index, name="notifications")]
