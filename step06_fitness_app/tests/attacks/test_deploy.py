"""A server that is open because a setting is: `manage.py check --deploy` says which."""

import os
import re
import runpy
import secrets
import subprocess
import sys

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from tests.conftest import STEP

KEY = secrets.token_urlsafe(50)
PRODUCTION = {"SECRET_KEY": KEY, "DEBUG": "False", "ALLOWED_HOSTS": "pulse.example.org"}
NAMES = [*PRODUCTION, "HTTPS", "PROXY", "REDIS_URL", "DATABASE_URL", "WS_ALLOWED_ORIGINS"]
SECURITY = [
    "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE",
    "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD", "MIDDLEWARE",
]  # fmt: skip


@pytest.fixture
def shipped(monkeypatch):
    """The settings as they are in an environment; a .env file may be there, and is not read."""

    def load(**environment: str) -> dict:
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("environ.Env.read_env", lambda *args, **kwargs: None)
        return runpy.run_path(str(STEP / "config/settings.py"))

    return load


def warnings(settings: dict, **changed) -> list[str]:
    """What `check --deploy` has to say of these settings."""
    settings = {name: settings[name] for name in SECURITY} | changed
    with override_settings(**settings):
        return sorted(found.id for found in run_checks(include_deployment_checks=True))


def test_the_shipped_settings_pass_the_deployment_check():
    """As it is run, with nothing but what a server must be given."""
    command = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    checked = run(*command, **PRODUCTION)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout == "System check identified no issues (0 silenced).\n"
    checked = run(*command, **PRODUCTION | {"HTTPS": "False"})
    assert checked.returncode == 1
    assert "security.W012" in checked.stderr


def run(*command: str, **environment: str) -> subprocess.CompletedProcess:
    """In an environment that is not this machine's; empty values keep a .env file out."""
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    return subprocess.run(
        [sys.executable, *command],
        cwd=STEP,
        env={**clean, "HTTPS": "True", "REDIS_URL": "", **environment},
        capture_output=True,
        encoding="utf-8",
    )


def without(name: str):
    def load(settings):
        return {"MIDDLEWARE": [path for path in settings["MIDDLEWARE"] if not path.endswith(name)]}

    return load


LOST = {
    "debug-on": (lambda settings: {"DEBUG": True}, "security.W018"),
    "short-key": (lambda settings: {"SECRET_KEY": "x" * 49}, "security.W009"),
    "dull-key": (lambda settings: {"SECRET_KEY": "xy" * 40}, "security.W009"),
    "no-hosts": (lambda settings: {"ALLOWED_HOSTS": []}, "security.W020"),
    "session-cookie": (lambda settings: {"SESSION_COOKIE_SECURE": False}, "security.W012"),
    "csrf-cookie": (lambda settings: {"CSRF_COOKIE_SECURE": False}, "security.W016"),
    "redirect": (lambda settings: {"SECURE_SSL_REDIRECT": False}, "security.W008"),
    "hsts": (lambda settings: {"SECURE_HSTS_SECONDS": 0}, "security.W004"),
    "subdomains": (lambda settings: {"SECURE_HSTS_INCLUDE_SUBDOMAINS": False}, "security.W005"),
    "preload": (lambda settings: {"SECURE_HSTS_PRELOAD": False}, "security.W021"),
    "security-middleware": (without("SecurityMiddleware"), "security.W001"),
    "frames": (without("XFrameOptionsMiddleware"), "security.W002"),
    "csrf": (without("CsrfViewMiddleware"), "security.W003"),
}


@pytest.mark.parametrize("change, warning", LOST.values(), ids=LOST)
def test_each_security_setting_that_is_lost_is_warned_of(shipped, change, warning):
    settings = shipped(**PRODUCTION)
    assert warnings(settings) == []
    assert warning in warnings(settings, **change(settings))


def test_a_server_without_a_key_of_its_own_does_not_start(shipped):
    """The key for development is public: whoever reads this project could sign tokens."""
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        shipped(DEBUG="False", ALLOWED_HOSTS="pulse.example.org")
    published = re.search("^SECRET_KEY=(.+)$", (STEP / ".env.example").read_text(), re.M)[1]
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        shipped(DEBUG="False", SECRET_KEY=published, ALLOWED_HOSTS="pulse.example.org")
    assert shipped()["DEBUG"] is True  # nothing set is development …
    own = shipped(SECRET_KEY=KEY, ALLOWED_HOSTS="pulse.example.org")
    assert own["DEBUG"] is False  # … and a key of one's own is not


def test_production_is_https_unless_it_says_otherwise(shipped):
    settings = shipped(**PRODUCTION)
    names = ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"]
    assert [settings[name] for name in names] == [True] * 3
    assert settings["SECURE_PROXY_SSL_HEADER"] is None  # a client could send that header itself
    settings = shipped(**PRODUCTION, HTTPS="False")
    assert [settings[name] for name in names] == [False] * 3


def test_several_processes_without_redis_do_not_start():
    """Each would have tickets, limits and log-outs of its own."""
    refused = run("manage.py", "check", **PRODUCTION, PROCESSES="2")
    assert refused.returncode == 1
    assert "set REDIS_URL" in refused.stderr
    redis = {"REDIS_URL": "redis://127.0.0.1:1/0"}  # not asked for anything by the check
    assert run("manage.py", "check", **PRODUCTION, PROCESSES="2", **redis).returncode == 0


def test_people_with_known_passwords_are_not_made_in_production():
    refused = run("manage.py", "demo", **PRODUCTION)
    assert refused.returncode == 1
    assert "Known passwords are for development" in refused.stderr
