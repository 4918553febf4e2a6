"""What OpenAPI cannot tell by itself: our subclasses of simplejwt's are like those."""

from drf_spectacular.contrib import rest_framework_simplejwt as simplejwt


class TokenScheme(simplejwt.SimpleJWTScheme):
    target_class = "accounts.authentication.TokenAuthentication"
    match_subclasses = True


class Obtain(simplejwt.TokenObtainPairSerializerExtension):
    target_class = "accounts.api.ObtainSerializer"


class Refresh(simplejwt.TokenRefreshSerializerExtension):
    target_class = "accounts.api.RefreshSerializer"
