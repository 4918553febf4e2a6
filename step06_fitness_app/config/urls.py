"""Which view answers which path."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from realtime.metrics import metrics

APPS = ["accounts", "people", "chat", "notifications", "workouts", "challenges", "feed", "form"]

urlpatterns = [
    *(path("", include(f"{app}.urls")) for app in APPS),
    path("admin/", admin.site.urls),
    path("metrics/", metrics),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/", login_required(SpectacularSwaggerView.as_view()), name="api"),
]
