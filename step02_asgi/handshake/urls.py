"""The page that shows the handshake and scope of its own connection."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="handshake/index.html"), name="handshake"),
]
