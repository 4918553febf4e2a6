"""Which view answers which path."""

from django.urls import include, path

urlpatterns = [
    path("", include("playground.urls")),
]
