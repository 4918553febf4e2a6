"""Which view answers which path."""

from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import include, path

urlpatterns = [
    path("", include("heartrate.urls")),
    # Daphne's `runserver --noasgi` serves no static files by itself; in production the web server.
    *staticfiles_urlpatterns(),
]
