"""Settings, read from the environment and from an optional .env file (see .env.example)."""

from datetime import timedelta
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
SECRET_KEY = env(
    "SECRET_KEY",
    default="django-insecure-key-for-development-only-0123456789" if DEBUG else env.NOTSET,
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
DEMO = env.bool("DEMO", default=False)  # one click logs in as one of the demo's people

# --8<-- [start:apps]
INSTALLED_APPS = [
    "daphne",  # before staticfiles: both bring a `runserver`, and the first one wins
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "realtime",
    "accounts",
    "people",
    "chat",
    "notifications",
    "workouts",
    "challenges",
    "feed",
    "coaching",
    "form",
    "demo",  # leave it out with its folder
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
    "accounts.http.EndedLoginMiddleware",
    "config.pages.NotKeptMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",  # every page, unless it says not
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
    }
]

# Nothing set: a SQLite file. DATABASE_URL=postgres://user:password@host/name: that database.
DATABASES = {
    "default": env.db("DATABASE_URL")
    if "DATABASE_URL" in env
    else {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        "CONN_MAX_AGE": 600,  # seconds; kept: to open the file anew for each query costs more
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
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # Each of the threads that consumers run in would open a connection and close it again. The
    # pool's own four at most would be held by four slow requests, and every socket would wait.
    pool = {"min_size": 1, "max_size": env.int("DB_POOL", default=20)}
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = pool
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
# HUB=1: one layer channel a process, which hands its sockets what comes (realtime/hub.py).
HUB = env.bool("HUB", default=False)
HUB_WAITING = 1000  # frames that one socket may fall behind; then the oldest of them is dropped
IN_MEMORY_LAYER = {
    "BACKEND": "channels.layers.InMemoryChannelLayer",
    "CONFIG": {"capacity": 10_000 if HUB else 100, "expiry": 60, "group_expiry": 86_400},
}
CHANNEL_LAYER = env("CHANNEL_LAYER", default="pubsub")
if CHANNEL_LAYER not in REDIS_LAYERS:
    raise ImproperlyConfigured(f"CHANNEL_LAYER is {CHANNEL_LAYER!r}; it can be core or pubsub")
CHANNEL_LAYERS = {"default": REDIS_LAYERS[CHANNEL_LAYER] if REDIS_URL else IN_MEMORY_LAYER}
# --8<-- [end:layer]

# The limits and the tickets live in the cache. Nothing set: this process's own. With a Redis:
# shared by all; it must not evict (maxmemory-policy noeviction), or a limit is forgotten.
CACHES = {
    "default": {
        "BACKEND": "realtime.redis.Cache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_PREFIX,
    }
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # by default a third is thrown out beyond 300
    }
}
PROCESSES = env.int("PROCESSES", default=1)  # how many serve; more than one need the Redis

# --8<-- [start:auth]
PASSWORD_RULES = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{PASSWORD_RULES}.UserAttributeSimilarityValidator"},
    {"NAME": f"{PASSWORD_RULES}.MinimumLengthValidator"},
    {"NAME": f"{PASSWORD_RULES}.CommonPasswordValidator"},
    {"NAME": f"{PASSWORD_RULES}.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"

ACCESS_TOKEN_SECONDS = env.int("ACCESS_TOKEN_SECONDS", default=300)
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=ACCESS_TOKEN_SECONDS),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "ROTATE_REFRESH_TOKENS": True,  # a refresh token is good once …
    "BLACKLIST_AFTER_ROTATION": True,  # … and then spent
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends the tokens of the old one
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "accounts.parsers.BoundedJSONParser",
        "rest_framework.parsers.FormParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "realtime.refusals.handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNICODE_JSON": False,  # an answer that quotes a lone surrogate would be a 500
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Pulse",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    # From the sidecar package: the page asks no CDN.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Pages of other hosts that may open sockets here, as full origins: https://app.example.org
WS_ALLOWED_ORIGINS = [
    origin.strip().lower().rstrip("/") for origin in env.list("WS_ALLOWED_ORIGINS", default=[])
]
WS_TOKEN_IN_QUERY = env.bool("WS_TOKEN_IN_QUERY", default=False)  # ?token= ends up in logs
AUTHENTICATE_WITHIN = env.float("AUTHENTICATE_WITHIN", default=3.0)  # seconds, first message
TICKET_SECONDS = env.int("TICKET_SECONDS", default=30)
RECHECK_SECONDS = env.float("RECHECK_SECONDS", default=60.0)  # how long a lost log-out can matter
# --8<-- [end:auth]

# --8<-- [start:limits]
MAX_MESSAGE_LENGTH = env.int("MAX_MESSAGE_LENGTH", default=32_768)  # characters; Daphne's: 1 MiB
MESSAGES_PER_SECOND = env.float("MESSAGES_PER_SECOND", default=10.0)  # of one connection …
MESSAGE_BURST = env.int("MESSAGE_BURST", default=30)  # … which may send so many at once
USER_MESSAGES_PER_MINUTE = env.int("USER_MESSAGES_PER_MINUTE", default=300)
TOO_FAST_WARNINGS = env.int("TOO_FAST_WARNINGS", default=5)  # in a minute, then 4429
CONNECTIONS_PER_USER = env.int("CONNECTIONS_PER_USER", default=20)  # at once
CONNECTS_PER_MINUTE = env.int("CONNECTS_PER_MINUTE", default=120)  # of one person
# --8<-- [end:limits]

# --8<-- [start:https]
# In production everything is HTTPS. HTTPS=False is for a server tried without a certificate.
HTTPS = env.bool("HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = ["^metrics/$"]  # scraped from the process itself, behind the proxy
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0  # a year
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Only behind a proxy that sets this header itself: PROXY=True.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("PROXY", False) else None
# --8<-- [end:https]

# Who scrapes /metrics/ sends it as a Bearer token; without one there is no such page.
METRICS_TOKEN = env("METRICS_TOKEN", default="")

# Cookies ignore ports: two projects on one host share them unless their names differ. With
# __Host- a browser takes them from this very host only, not from a sibling subdomain.
COOKIES = ("__Host-" if HTTPS else "") + slugify(BASE_DIR.name)
SESSION_COOKIE_NAME = f"{COOKIES}_sessionid"
CSRF_COOKIE_NAME = f"{COOKIES}_csrftoken"

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"  # what `collectstatic` fills, and the proxy serves

# --8<-- [start:refuse]
if not DEBUG:  # production: better no server than one that is open, or that loses half
    wrong = {
        "set SECRET_KEY to one of your own: everybody can read this one": (
            not SECRET_KEY or "insecure" in SECRET_KEY
        ),
        "set ALLOWED_HOSTS to the names that this server answers to": not ALLOWED_HOSTS,
        f"set REDIS_URL: PROCESSES is {PROCESSES}, and layer and cache would be each one's own": (
            PROCESSES > 1 and not REDIS_URL
        ),
        "set DEMO to False: it lets anybody in, and is for DEBUG only": DEMO,
    }
    if problems := [problem for problem, is_so in wrong.items() if is_so]:
        raise ImproperlyConfigured("; ".join(problems))
# --8<-- [end:refuse]
