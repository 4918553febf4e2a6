"""The page to cheer from."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [path("", TemplateView.as_view(template_name="cheers/index.html"), name="cheers")]
