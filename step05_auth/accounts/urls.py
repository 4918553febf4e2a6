"""Log-in for pages and for token clients."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.generic import TemplateView

from accounts import api

urlpatterns = [
    path("login/", LoginView.as_view(template_name="accounts/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("ways-in/", TemplateView.as_view(template_name="accounts/ways_in.html"), name="ways-in"),
    path("api/token/", api.ObtainView.as_view(), name="token"),
    path("api/token/refresh/", api.RefreshView.as_view(), name="token-refresh"),
    path("api/logout/", api.logout, name="api-logout"),
    path("api/ws-ticket/", api.ws_ticket, name="ws-ticket"),
]
