"""Which view answers which path."""

from django.contrib import admin
from django.urls import include, path
from realtime.metrics import metrics

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("chat.urls")),
    path("admin/", admin.site.urls),
    path("metrics/", metrics),
]
