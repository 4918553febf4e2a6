"""`manage.py demo`: people to try things with, and members who are really connected."""

import asyncio
from contextlib import suppress

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo import members, people


class Command(BaseCommand):
    help = "Make the demo's people, then be some of them at a running server until Ctrl-C."

    def add_arguments(self, parser):
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the server")
        parser.add_argument("--data-only", action="store_true", help="make the people, and return")

    def handle(self, url, data_only, **options):
        if not settings.DEBUG:
            raise CommandError("Known passwords are for development: DEBUG is off here.")
        people.make()
        self.stdout.write(f"{', '.join(people.PEOPLE)}: the password is the name and -demo.")
        if not data_only:
            with suppress(KeyboardInterrupt):
                asyncio.run(members.live(url, self.stdout.write))
