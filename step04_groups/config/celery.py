"""The Celery application. The site does not import it; a worker does:

python -m celery -A config worker
"""

import os

from celery import Celery
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

if not settings.REDIS_URL:
    raise ImproperlyConfigured("Celery passes tasks through Redis: set REDIS_URL")

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
