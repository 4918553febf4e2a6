"""Log-in for pages and for token clients."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from accounts import api

login = LoginView.as_view(
    template_name="accounts/login.html",
    extra_context={"demo": settings.DEBUG},  # what `manage.py demo` makes
)
# Not by way of the log-in: who is sent back from there asks by GET, which is no log-out.
logout = login_not_required(LogoutView.as_view())
obtain = TokenObtainPairView.as_view(serializer_class=api.ObtainSerializer)
refresh = TokenRefreshView.as_view(serializer_class=api.RefreshSerializer)

urlpatterns = [
    path("login/", login, name="login"),
    path("logout/", logout, name="logout"),
    path("api/token/", obtain, name="token"),
    path("api/token/refresh/", refresh, name="token-refresh"),
    path("api/logout/", api.logout, name="api-logout"),
    path("api/ws-ticket/", api.ws_ticket, name="ws-ticket"),
]
