"""The environment chooses: database, layer, cache, limits, and what production refuses."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.conftest import STEP


@pytest.fixture
def chosen(monkeypatch):
    """The settings as this environment makes them: `chosen(REDIS_URL="…")`."""

    def load(**environment: str) -> dict:
        # Set, not absent: a .env file fills in what is absent.
        for name, value in {**DEFAULTS, **environment}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(STEP / "config/settings.py"))

    return load


DEFAULTS = {"HUB": "0", "REDIS_URL": "", "CHANNEL_LAYER": "pubsub", "REDIS_PREFIX": "asgi"}
PRODUCTION = {"DEBUG": "False", "SECRET_KEY": "x" * 50, "ALLOWED_HOSTS": "pulse.example.org"}
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


# The cache


def test_without_a_redis_the_cache_is_this_process_own_and_keeps_enough(chosen):
    cache = chosen()["CACHES"]["default"]
    assert cache["BACKEND"] == "django.core.cache.backends.locmem.LocMemCache"
    assert cache["OPTIONS"]["MAX_ENTRIES"] == 100_000


def test_with_a_redis_the_cache_is_shared_under_the_same_prefix(chosen):
    cache = chosen(REDIS_URL=URL, REDIS_PREFIX="ann")["CACHES"]["default"]
    assert cache["BACKEND"] == "realtime.redis.Cache"
    assert (cache["LOCATION"], cache["KEY_PREFIX"]) == (URL, "ann")


# The database


def test_a_database_url_is_that_database_with_djangos_pool(chosen):
    database = chosen(DATABASE_URL="postgres://ann:pw@127.0.0.1:5432/pulse")["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["NAME"], database["USER"], database["PORT"]) == ("pulse", "ann", 5432)
    assert database["OPTIONS"] == {"pool": {"min_size": 1, "max_size": 20}}
    assert not database.get("CONN_MAX_AGE")  # Django refuses both together


def test_another_database_url_has_no_pool(chosen):
    database = chosen(DATABASE_URL="sqlite:////tmp/x.sqlite3")["DATABASES"]["default"]
    assert "pool" not in database.get("OPTIONS", {})


# Tokens, times, limits

NUMBERS = {
    "AUTHENTICATE_WITHIN": 3,
    "TICKET_SECONDS": 30,
    "RECHECK_SECONDS": 60,
    "ACCESS_TOKEN_SECONDS": 300,
    "MAX_MESSAGE_LENGTH": 32_768,
    "MESSAGES_PER_SECOND": 10,
    "MESSAGE_BURST": 30,
    "USER_MESSAGES_PER_MINUTE": 300,
    "CONNECTIONS_PER_USER": 20,
    "CONNECTS_PER_MINUTE": 120,
    "TOO_FAST_WARNINGS": 5,
    "PROCESSES": 1,
}


@pytest.fixture
def unset(tmp_path, monkeypatch):
    """The settings where no .env file sets anything, and nothing else does."""
    copy = tmp_path / "config/settings.py"
    copy.parent.mkdir()
    shutil.copy(STEP / "config/settings.py", copy)
    for name in (
        "HTTPS",
        "DEBUG",
        "DEMO",
        "SECRET_KEY",
        "ALLOWED_HOSTS",
        "WS_ALLOWED_ORIGINS",
        *NUMBERS,
    ):
        monkeypatch.delenv(name, raising=False)
    return lambda: runpy.run_path(str(copy))


def test_each_number_has_its_default(unset):
    settings = unset()
    assert {name: settings[name] for name in NUMBERS} == NUMBERS


def test_each_number_has_its_variable(chosen):
    settings = chosen(**{name: str(number + 1) for name, number in NUMBERS.items()})
    assert {name: settings[name] - 1 for name in NUMBERS} == NUMBERS


def test_an_access_token_lasts_as_long_as_it_is_set_to(chosen):
    tokens = chosen(ACCESS_TOKEN_SECONDS="7")["SIMPLE_JWT"]
    assert tokens["ACCESS_TOKEN_LIFETIME"].total_seconds() == 7
    assert tokens["ROTATE_REFRESH_TOKENS"] and tokens["BLACKLIST_AFTER_ROTATION"]
    assert tokens["CHECK_REVOKE_TOKEN"]


def test_other_origins_are_a_list_and_the_query_string_is_off(chosen):
    settings = chosen(WS_ALLOWED_ORIGINS="https://a.example.org,http://b.example.org:8000")
    assert settings["WS_ALLOWED_ORIGINS"] == [
        "https://a.example.org",
        "http://b.example.org:8000",
    ]
    assert settings["WS_TOKEN_IN_QUERY"] is False
    assert chosen(WS_TOKEN_IN_QUERY="True")["WS_TOKEN_IN_QUERY"] is True


# HTTPS

SECURE = [
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
]


def test_production_is_https_unless_it_says_otherwise(chosen):
    assert all(chosen(**PRODUCTION, HTTPS="True")[name] for name in SECURE)
    assert not any(chosen(**PRODUCTION, HTTPS="False")[name] for name in SECURE)


def test_https_is_what_production_means_and_development_does_not(unset, monkeypatch):
    assert unset()["HTTPS"] is False
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    assert unset()["HTTPS"] is True


def test_a_proxys_header_is_believed_only_where_there_is_a_proxy(chosen):
    assert chosen(PROXY="False")["SECURE_PROXY_SSL_HEADER"] is None
    header = chosen(PROXY="True")["SECURE_PROXY_SSL_HEADER"]
    assert header == ("HTTP_X_FORWARDED_PROTO", "https")


# What is written about them


def test_each_variable_stands_in_the_example_and_in_the_readme():
    text = (STEP / "config/settings.py").read_text("utf-8")
    names = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', text))
    assert len(names) > 20
    example = re.findall(r"^(?:# )?([A-Z_]+)=", (STEP / ".env.example").read_text("utf-8"), re.M)
    readme = re.findall(r"^\| `([A-Z_]+)` \|", (STEP / "README.md").read_text("utf-8"), re.M)
    assert names == set(example) == set(readme)


def test_the_readme_tells_the_defaults():
    readme = (STEP / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| [^|]+ \| ([\d,]+) \|", readme, re.M))
    told = {name: int(number.replace(",", "")) for name, number in rows.items()}
    assert NUMBERS.items() <= told.items()


def test_in_production_no_sibling_host_can_set_the_cookies(chosen):
    """A browser takes a __Host- cookie from the very host it is sent to, and over HTTPS only."""
    for name in ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME"):
        assert chosen(**PRODUCTION)[name].startswith("__Host-")
        assert not chosen(DEBUG="True")[name].startswith("__Host-")


def test_what_the_cache_keeps_in_redis_is_no_pickle():
    from realtime.redis import JSONSerializer

    serializer = JSONSerializer()
    assert serializer.dumps(7) == 7  # Redis counts with it
    for value in (7, "a ticket's token", {"a": [1, None]}):
        stored = serializer.dumps(value)
        assert serializer.loads(str(stored).encode() if stored == 7 else stored) == value
    with pytest.raises(ValueError):
        serializer.loads(b"\x80\x04cposix\nsystem\n.")


def test_a_stray_comma_or_slash_allows_no_missing_origin(chosen, settings):
    from accounts.origin import is_allowed

    settings.WS_ALLOWED_ORIGINS = chosen(WS_ALLOWED_ORIGINS="https://a.example.org, /, ")[
        "WS_ALLOWED_ORIGINS"
    ]
    host = (b"host", b"testserver")
    assert is_allowed({"headers": [host, (b"origin", b"https://a.example.org")]})
    for odd in ([host], [host, (b"origin", b"")], [host, (b"origin", b"x"), (b"origin", b"y")]):
        assert not is_allowed({"headers": odd})


# As it is run: in a process of its own, where no .env file sets anything

FACTS = """
import json
from channels.layers import get_channel_layer
from django.core.cache import cache
from django.db import connection
def pragma(name):
    with connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {name}").fetchone()[0]
print(json.dumps([connection.vendor, pragma("journal_mode"), pragma("busy_timeout"),
    type(get_channel_layer()).__name__, cache._cache.__class__.__name__]))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings") / STEP.name
    left = shutil.ignore_patterns("__pycache__", "*.sqlite3*", ".env", ".venv", "tests")
    return shutil.copytree(STEP, folder, ignore=left)


def run(folder, *command: str, **environment: str) -> subprocess.CompletedProcess:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**kept, "PYTHONUTF8": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_nothing_set_is_sqlite_with_a_log_of_writes_and_one_process(copy):
    asked = run(copy, "manage.py", "shell", "-v", "0", "-c", FACTS)
    assert asked.returncode == 0, asked.stderr
    layer, cache = "InMemoryChannelLayer", "OrderedDict"
    assert json.loads(asked.stdout) == ["sqlite", "wal", 10_000, layer, cache]


SERVER = {
    "DEBUG": "False",
    "SECRET_KEY": "q8-fX2_never-in-any-file-0J5bN1zL7wRkT3vYcE9hUmGs4D6aPoQi",
    "ALLOWED_HOSTS": "pulse.example.org",
    "REDIS_URL": "redis://127.0.0.1:1/0",  # looked at, not connected to
    "PROCESSES": "2",
}
REFUSED = {
    "the-examples-key": ({"SECRET_KEY": "django-insecure-change-me"}, "set SECRET_KEY"),
    "an-empty-key": ({"SECRET_KEY": ""}, "set SECRET_KEY"),
    "no-hosts": ({"ALLOWED_HOSTS": ""}, "set ALLOWED_HOSTS"),
    "in-memory": ({"REDIS_URL": ""}, "set REDIS_URL: PROCESSES is 2"),
    "demo": ({"DEMO": "True"}, "set DEMO to False"),
}
STARTS = {
    "manage.py": ["manage.py", "check"],
    "daphne": ["-m", "daphne", "-b", "127.0.0.1", "-p", "0", "config.asgi:application"],
}


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("changed, told", REFUSED.values(), ids=REFUSED)
def test_production_does_not_start_where_it_would_be_open_or_lose_half(
    copy, command, changed, told
):
    refused = run(copy, *command, **{**SERVER, **changed})
    assert refused.returncode != 0
    assert told in refused.stderr
    assert refused.stderr.count("; set ") == 0  # what is right is not named


def test_production_names_everything_that_is_missing_at_once(copy):
    wrong = {name: value for change, _ in REFUSED.values() for name, value in change.items()}
    refused = run(copy, "manage.py", "check", **{**SERVER, **wrong})
    for _, told in REFUSED.values():
        assert told in refused.stderr


def test_without_any_key_production_does_not_start(copy):
    refused = run(copy, *STARTS["daphne"], DEBUG="False")
    assert refused.returncode != 0
    assert "Set the SECRET_KEY environment variable" in refused.stderr


def test_production_starts_with_what_it_needs(copy, daphne, monkeypatch):
    """The one that starts, so that the others are not refused for something else."""
    allowed = run(copy, "manage.py", "check", **SERVER)
    assert (allowed.returncode, allowed.stderr) == (0, "")
    for name, value in SERVER.items():
        monkeypatch.setenv(name, value)
    assert daphne().port


def test_development_starts_with_all_of_that(copy):
    names = {"DEBUG": "True", "DEMO": "True", "SECRET_KEY": "insecure", "ALLOWED_HOSTS": ""}
    allowed = run(copy, "manage.py", "check", **names)
    assert allowed.returncode == 0, allowed.stderr
