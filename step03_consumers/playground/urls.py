"""The playground, and the page whose connection comes back by itself."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="playground/index.html"), name="playground"),
    path(
        "reconnect/",
        TemplateView.as_view(template_name="playground/reconnect.html"),
        name="reconnect",
    ),
]
