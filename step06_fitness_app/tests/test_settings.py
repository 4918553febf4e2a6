"""The environment chooses: the layer, the cache, the limits, and what is for HTTPS only."""

import re
import runpy
import shutil

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


DEFAULTS = {"REDIS_URL": "", "CHANNEL_LAYER": "pubsub", "REDIS_PREFIX": "asgi"}
PRODUCTION = {"DEBUG": "False", "SECRET_KEY": "x" * 50}
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
    assert cache["BACKEND"] == "django.core.cache.backends.redis.RedisCache"
    assert (cache["LOCATION"], cache["KEY_PREFIX"]) == (URL, "ann")


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
    for name in ("HTTPS", "DEBUG", "SECRET_KEY", "WS_ALLOWED_ORIGINS", *NUMBERS):
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
    from limits.redis import JSONSerializer

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
