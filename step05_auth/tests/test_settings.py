"""Part D: the environment chooses the channel layer."""

import runpy
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.conftest import STEP

NAMES = ["REDIS_URL", "CHANNEL_LAYER", "REDIS_PREFIX"]


@pytest.fixture
def chosen(monkeypatch):
    """The settings as this environment makes them: `chosen(REDIS_URL="…")`."""

    def load(**environment: str) -> dict:
        for name in NAMES:
            # Empty, not absent: a .env file fills in what is absent.
            monkeypatch.setenv(name, environment.get(name, DEFAULTS[name]))
        return runpy.run_path(str(STEP / "config/settings.py"))

    return load


DEFAULTS = {"REDIS_URL": "", "CHANNEL_LAYER": "pubsub", "REDIS_PREFIX": "asgi"}
URL = "redis://127.0.0.1:6379/0"


def test_nothing_set_is_in_memory(chosen):
    layer = chosen()["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "channels.layers.InMemoryChannelLayer"
    assert layer["CONFIG"] == {"capacity": 100, "expiry": 60, "group_expiry": 86_400}


def test_a_redis_url_is_pub_sub(chosen):
    layer = chosen(REDIS_URL=URL, REDIS_PREFIX="ann")["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    assert layer["CONFIG"] == {"hosts": [URL], "prefix": "ann"}


def test_core_is_the_other_one(chosen):
    settings = chosen(REDIS_URL=URL, CHANNEL_LAYER="core", REDIS_PREFIX="ann")
    layer = settings["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "channels_redis.core.RedisChannelLayer"
    assert layer["CONFIG"]["prefix"] == "ann"
    # redis-py's own limits end sockets: of 100 connections, and of 5 s to read.
    (host,) = layer["CONFIG"]["hosts"]
    assert host == {"address": URL, "max_connections": 2000, "socket_timeout": 15}


@pytest.mark.parametrize("url", ["", URL])
def test_any_other_layer_is_an_error_that_names_both(url, chosen):
    with pytest.raises(ImproperlyConfigured, match="'redis'; it can be core or pubsub"):
        chosen(REDIS_URL=url, CHANNEL_LAYER="redis")


def test_celery_shares_the_prefix(chosen):
    settings = chosen(REDIS_URL=URL, REDIS_PREFIX="ann")
    assert settings["CELERY_BROKER_URL"] == URL
    assert settings["CELERY_BROKER_TRANSPORT_OPTIONS"] == {"global_keyprefix": "ann:celery:"}


def run(code: str, **environment: str) -> subprocess.CompletedProcess:
    import os

    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=STEP,
        env={**os.environ, **DEFAULTS, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )


def test_the_site_starts_where_celery_is_not_installed():
    started = run("import sys; sys.modules['celery'] = None; import config.asgi; print('up')")
    assert (started.stdout, started.returncode) == ("up\n", 0), started.stderr


def test_celery_without_redis_says_what_is_missing():
    pytest.importorskip("celery")
    refused = run("import config.celery")
    assert refused.returncode == 1
    assert "Celery passes tasks through Redis: set REDIS_URL" in refused.stderr
