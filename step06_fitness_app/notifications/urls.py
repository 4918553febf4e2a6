"""The HTTP paths of the notifications."""

from django.urls import path
from django.views.generic import TemplateView

from notifications import api

page = TemplateView.as_view(template_name="notifications/index.html")  # filled by the bell's socket

urlpatterns = [
    path("api/notifications/", api.Notifications.as_view()),
    path("api/notifications/marks/", api.Marks.as_view()),
    path("notifications/", page, name="notifications"),
]
