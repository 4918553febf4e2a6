"""Which view answers which path."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("rooms.urls")),
    path("", include("accounts.urls")),
    path("alerts/", include("alerts.urls")),
    path("", include("conversations.urls")),
    path("admin/", admin.site.urls),
]
