"""Settings, read from the environment and from an optional .env file (see .env.example)."""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.text import slugify

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# Nothing set is development. A server that is given a key of its own is none, unless it says so;
# one with DEBUG off refuses to start without a key.
DEBUG = env.bool("DEBUG", default="SECRET_KEY" not in env)
SECRET_KEY = env("SECRET_KEY", default="django-insecure-development" if DEBUG else env.NOTSET)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])

# --8<-- [start:apps]
INSTALLED_APPS = [
    "daphne",  # before staticfiles: both bring a `runserver`, and the first one wins
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "alerts",
    "cheers",
    "rooms",
]

ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
# --8<-- [end:apps]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
]

# Nothing set: a SQLite file. DATABASE_URL=postgres://user:password@host/name: that database.
DATABASES = {
    "default": env.db("DATABASE_URL")
    if "DATABASE_URL" in env
    else {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        "TEST": {"NAME": BASE_DIR / "test.sqlite3"},  # a file: consumers run in another thread
        "OPTIONS": {
            # Readers and one writer at a time, side by side; a writer takes its lock at once
            # instead of failing half-way.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,  # seconds
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --8<-- [start:layer]
# Nothing set: the layer lives in this process and reaches nobody outside of it.
# REDIS_URL=redis://127.0.0.1:6379/0: the processes that share this Redis reach each other.
REDIS_URL = env("REDIS_URL", default="")
REDIS_PREFIX = env("REDIS_PREFIX", default="asgi")  # one for each participant of a shared Redis
REDIS_LAYERS = {
    "core": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # redis-py's own limits would close sockets: at 100 connections, and after 5 idle
            # seconds, since it stops reading just when this layer's wait of 5 s ends.
            "hosts": [{"address": REDIS_URL, "max_connections": 2000, "socket_timeout": 15}],
            "prefix": REDIS_PREFIX,
            "capacity": 100,  # messages a process may leave unread; then the oldest are dropped
            "expiry": 60,  # seconds an unread message is kept
            "group_expiry": 86_400,  # seconds until a member is forgotten, connected or not
        },
    },
    # No capacity, no expiry: a process that is not listening at that moment gets nothing.
    "pubsub": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": REDIS_PREFIX},
    },
}
IN_MEMORY_LAYER = {
    "BACKEND": "channels.layers.InMemoryChannelLayer",
    "CONFIG": {"capacity": 100, "expiry": 60, "group_expiry": 86_400},
}
CHANNEL_LAYER = env("CHANNEL_LAYER", default="pubsub")
if CHANNEL_LAYER not in REDIS_LAYERS:
    raise ImproperlyConfigured(f"CHANNEL_LAYER is {CHANNEL_LAYER!r}; it can be core or pubsub")
CHANNEL_LAYERS = {"default": REDIS_LAYERS[CHANNEL_LAYER] if REDIS_URL else IN_MEMORY_LAYER}
# --8<-- [end:layer]

# Celery's queue, for alerts/tasks.py only; nothing here needs Celery to start.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": f"{REDIS_PREFIX}:celery:"}
CELERY_TASK_IGNORE_RESULT = True

# Who is online (rooms/presence.py), in seconds.
HEARTBEAT = env.float("HEARTBEAT", default=10.0)  # how often a connection says that it lives
GONE_AFTER = env.float("GONE_AFTER", default=30.0)  # silent for longer: its server was killed

# Cookies ignore ports: two projects on one host share them unless their names differ.
SESSION_COOKIE_NAME = f"{slugify(BASE_DIR.name)}_sessionid"
CSRF_COOKIE_NAME = f"{slugify(BASE_DIR.name)}_csrftoken"

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
