"""A mistake: what imports a model comes before get_asgi_application()."""

# --8<-- [start:wrong]
from django.contrib.auth.models import User  # noqa: F401  as a consumer's module would
from django.core.asgi import get_asgi_application

application = get_asgi_application()
# --8<-- [end:wrong]
