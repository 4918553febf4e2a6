"""The ASGI entry point: what Daphne calls for every request (ASGI_APPLICATION)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# --8<-- [start:application]
application = get_asgi_application()
# --8<-- [end:application]
