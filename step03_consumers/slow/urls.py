"""The page of the slow consumers."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="slow/index.html"), name="slow"),
]
