"""`manage.py check_setup`: a line a check, exit code 1 if one failed."""

import socket
import sys

import pytest
from django.core.management import call_command


def run(capsys, port: int) -> tuple[int, str]:
    """The exit code and what was printed."""
    try:
        call_command("check_setup", port=port)
    except SystemExit as end:
        return end.code, capsys.readouterr().out
    return 0, capsys.readouterr().out


def failures(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith("FAIL")]


def test_a_good_machine_passes(capsys, unused_tcp_port):
    code, printed = run(capsys, unused_tcp_port)
    assert (code, failures(printed)) == (0, [])
    for subject in ("Python 3.", "django 5.2", "daphne 4.", "config.asgi", f"{unused_tcp_port}"):
        assert f"ok    {subject}" in printed or subject in printed


def test_an_old_python_is_named(capsys, unused_tcp_port, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    code, printed = run(capsys, unused_tcp_port)
    assert code == 1
    assert failures(printed) == ["FAIL  Python 3.10.4 (needs 3.11 or newer)"]


def test_a_missing_and_an_old_package_are_named(capsys, unused_tcp_port, tmp_path, settings):
    (tmp_path / "requirements.txt").write_text(
        "no-such-package~=1.0\n"
        "# a comment\n"
        "django>=99  # too new\n"
        'daphne>=99 ; sys_platform == "another"\n'
    )
    settings.BASE_DIR = tmp_path
    code, printed = run(capsys, unused_tcp_port)
    assert code == 1
    missing, old = failures(printed)
    assert missing == "FAIL  no-such-package is missing: pip install -r requirements.txt"
    assert old.startswith("FAIL  django 5.2") and old.endswith("(needs >=99)")


def test_daphne_missing_or_late_is_named(capsys, unused_tcp_port, settings):
    apps = [app for app in settings.INSTALLED_APPS if app != "daphne"]
    for wrong, message in [
        (apps, 'FAIL  "daphne" is not in INSTALLED_APPS'),
        ([*apps, "daphne"], 'FAIL  "daphne" must stand before "django.contrib.staticfiles"'),
    ]:
        settings.INSTALLED_APPS = wrong
        code, printed = run(capsys, unused_tcp_port)
        assert code == 1
        assert [line.startswith(message) for line in failures(printed)] == [True]


@pytest.mark.parametrize("name", [None, "config.asgi.nothing", "nowhere.application"])
def test_an_asgi_application_that_cannot_be_imported_is_named(
    capsys, unused_tcp_port, settings, name
):
    settings.ASGI_APPLICATION = name
    code, printed = run(capsys, unused_tcp_port)
    assert code == 1
    (failure,) = failures(printed)
    assert failure.startswith(f"FAIL  ASGI_APPLICATION = {name!r} cannot be imported")


def test_a_taken_port_is_named(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, printed = run(capsys, port)
    assert code == 1
    assert failures(printed) == [
        f"FAIL  Port {port} is taken: stop what listens there, or use another port"
    ]
