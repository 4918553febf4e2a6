"""What must not go live, found by `manage.py check`, which every command runs first."""

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.apps import apps
from django.conf import settings
from django.core.checks import Error, register
from rest_framework_simplejwt import settings as jwt

from accounts import tickets

BLACKLIST = "rest_framework_simplejwt.token_blacklist"
ENDED = "accounts.http.EndedLoginMiddleware"


@register()
def check_shared(app_configs, **kwargs) -> list[Error]:
    """Several processes with a cache or a layer each: limits, tickets and log-outs would leak."""
    if settings.PROCESSES == 1:
        return []
    several, errors = f"PROCESSES is {settings.PROCESSES}", []
    try:
        tickets.require_shared_cache()
    except tickets.NotShared as problem:
        errors.append(Error(f"{several}, and {problem}", id="accounts.E001"))
    if isinstance(get_channel_layer(), InMemoryChannelLayer):
        problem = "the channel layer reaches one of them only: set REDIS_URL"
        errors.append(Error(f"{several}, and {problem}", id="accounts.E002"))
    return errors


@register()
def check_settings(app_configs, **kwargs) -> list[Error]:
    """Settings without which something here goes on that should have ended; for who copies it."""
    wanted = jwt.api_settings
    needed = {
        "E003": ("SIMPLE_JWT has no CHECK_REVOKE_TOKEN", wanted.CHECK_REVOKE_TOKEN),
        "E004": ("SIMPLE_JWT has no ROTATE_REFRESH_TOKENS", wanted.ROTATE_REFRESH_TOKENS),
        "E005": ("SIMPLE_JWT has no BLACKLIST_AFTER_ROTATION", wanted.BLACKLIST_AFTER_ROTATION),
        "E006": (f"INSTALLED_APPS has no {BLACKLIST}", apps.is_installed(BLACKLIST)),
        "E007": (f"MIDDLEWARE has no {ENDED}", ENDED in settings.MIDDLEWARE),
    }
    return [Error(text, id=f"accounts.{id}") for id, (text, is_set) in needed.items() if not is_set]
