"""`manage.py check_setup`: is this machine ready for the course?"""

import socket
import sys
from collections.abc import Iterator
from importlib import metadata

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string
from packaging.requirements import Requirement

Check = tuple[bool, str]  # passed, and one line that says what was found


class Command(BaseCommand):
    help = "Check Python, packages, the order of INSTALLED_APPS, the ASGI application and the port."
    requires_system_checks = []  # a failing system check is one of the things to report

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=8000, help="the port runserver will use")

    def handle(self, *, port, **options):
        checks = [*python(), *packages(), *daphne_first(), *asgi_application(), *free_port(port)]
        for passed, line in checks:
            self.stdout.write(f"{'ok  ' if passed else 'FAIL'}  {line}")
        if not all(passed for passed, _ in checks):
            sys.exit(1)


def python() -> Iterator[Check]:
    """Python is one of the versions this course is tested on or newer."""
    found = ".".join(map(str, sys.version_info[:3]))
    yield sys.version_info >= (3, 11), f"Python {found} (needs 3.11 or newer)"


def packages() -> Iterator[Check]:
    """Every package of requirements.txt is installed in a version it allows."""
    text = (settings.BASE_DIR / "requirements.txt").read_text(encoding="utf-8")
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate():
            continue  # meant for another system
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield False, f"{wanted.name} is missing: pip install -r requirements.txt"
        else:
            yield found in wanted.specifier, f"{wanted.name} {found} (needs {wanted.specifier})"


def daphne_first() -> Iterator[Check]:
    """`runserver` is Daphne's only if "daphne" is listed before staticfiles."""
    apps = list(settings.INSTALLED_APPS)
    if "daphne" not in apps:
        yield False, '"daphne" is not in INSTALLED_APPS: runserver would be Django\'s, without ASGI'
        return
    staticfiles = "django.contrib.staticfiles"
    first = staticfiles not in apps or apps.index("daphne") < apps.index(staticfiles)
    yield first, f'"daphne" {"stands" if first else "must stand"} before "{staticfiles}"'


def asgi_application() -> Iterator[Check]:
    """ASGI_APPLICATION is set and can be imported."""
    name = getattr(settings, "ASGI_APPLICATION", None)
    try:
        import_string(name or "")
    except ImportError as error:
        yield False, f"ASGI_APPLICATION = {name!r} cannot be imported: {error}"
    else:
        yield True, f"ASGI_APPLICATION {name} can be imported"


def free_port(port: int) -> Iterator[Check]:
    """Nobody listens on the port yet."""
    with socket.socket() as probe:
        probe.settimeout(1)
        free = probe.connect_ex(("127.0.0.1", port)) != 0
    advice = "is free" if free else "is taken: stop what listens there, or use another port"
    yield free, f"Port {port} {advice}"
