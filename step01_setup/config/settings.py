"""Settings, read from the environment and from an optional .env file (see .env.example)."""

from pathlib import Path

import environ
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
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "checks",
    "heartrate",
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
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    },
]

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
}

# Cookies ignore ports: two projects on one host share them unless their names differ.
SESSION_COOKIE_NAME = f"{slugify(BASE_DIR.name)}_sessionid"
CSRF_COOKIE_NAME = f"{slugify(BASE_DIR.name)}_csrftoken"

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
