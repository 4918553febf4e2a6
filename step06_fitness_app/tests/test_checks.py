"""What `manage.py check` says of a server that is set up to leak."""

import os
import subprocess
import sys

import pytest
from django.core.checks import run_checks

from tests.conftest import STEP

URL = "redis://127.0.0.1:6379/0"
LOCAL = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SHARED = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": URL}}
IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
PUBSUB = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [URL]},
    }
}


@pytest.mark.parametrize(
    "processes, cache, layer, found",
    [
        (1, LOCAL, IN_MEMORY, []),
        (2, LOCAL, IN_MEMORY, ["accounts.E001", "accounts.E002"]),
        (2, SHARED, IN_MEMORY, ["accounts.E002"]),
        (2, LOCAL, PUBSUB, ["accounts.E001"]),
        (2, SHARED, PUBSUB, []),
        (64, LOCAL, IN_MEMORY, ["accounts.E001", "accounts.E002"]),
    ],
)
def test_several_processes_need_what_they_share(settings, processes, cache, layer, found):
    settings.PROCESSES = processes
    with pytest.MonkeyPatch.context() as patched:  # `settings` would close the shared cache
        patched.setattr("accounts.tickets.caches", Caches(cache))
        settings.CHANNEL_LAYERS = layer
        errors = run_checks()
    assert [error.id for error in errors] == found
    assert all("REDIS_URL" in error.msg for error in errors)


@pytest.mark.parametrize(
    "found, name, change",
    [
        ("E003", "SIMPLE_JWT", lambda jwt: {**jwt, "CHECK_REVOKE_TOKEN": False}),
        ("E004", "SIMPLE_JWT", lambda jwt: {**jwt, "ROTATE_REFRESH_TOKENS": False}),
        ("E005", "SIMPLE_JWT", lambda jwt: {**jwt, "BLACKLIST_AFTER_ROTATION": False}),
        ("E006", "INSTALLED_APPS", lambda apps: [app for app in apps if "blacklist" not in app]),
        ("E007", "MIDDLEWARE", lambda names: [name for name in names if "Ended" not in name]),
    ],
)
def test_what_a_copy_left_behind_is_named(settings, found, name, change):
    setattr(settings, name, change(getattr(settings, name)))
    assert [error.id for error in run_checks()] == [f"accounts.{found}"]


class Caches(dict):
    """The cache that these settings would make."""

    def __init__(self, cache: dict):
        from django.core.cache import CacheHandler

        super().__init__(default=CacheHandler(cache)["default"])


def check(**environment: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=STEP,
        env={**kept, "REDIS_URL": "", "PYTHONUTF8": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )


def test_no_command_runs_where_several_processes_would_share_nothing():
    refused = check(PROCESSES="2")
    assert refused.returncode == 1
    assert "(accounts.E001) PROCESSES is 2, and tickets need a cache" in refused.stderr
    assert "(accounts.E002) PROCESSES is 2, and the channel layer" in refused.stderr


def test_with_a_redis_they_may():
    """The check looks at the settings: it connects to nothing."""
    allowed = check(PROCESSES="2", REDIS_URL="redis://127.0.0.1:1/0")
    assert (allowed.returncode, allowed.stderr) == (0, "")
