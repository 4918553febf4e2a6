"""The page of the lifecycle consumer."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="lifecycle/index.html"), name="lifecycle"),
]
