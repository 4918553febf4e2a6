"""Which view answers which path."""

from django.urls import include, path

urlpatterns = [
    path("", include("heartrate.urls")),
    path("handshake/", include("handshake.urls")),
]
