"""The HTTP paths of the notifications."""

from django.contrib.auth.decorators import login_required
from django.urls import path
from django.views.generic import TemplateView

from notifications import api

api_urlpatterns = [
    path("api/notifications/", api.Notifications.as_view()),
    path("api/notifications/marks/", api.Marks.as_view()),
]

page = TemplateView.as_view(template_name="notifications/index.html")  # filled by the bell's socket

urlpatterns = [*api_urlpatterns, path("notifications/", login_required(page), name="notifications")]
