"""What must not go live, found by `manage.py check`, which every command runs first."""

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.conf import settings
from django.core.checks import Error, register

from accounts import tickets


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
