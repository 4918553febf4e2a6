"""`manage.py asyncapi`: write what the sockets take and give to asyncapi.json."""

import json

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from realtime.asyncapi import document


class Command(BaseCommand):
    help = "Write asyncapi.json; with --check, only say whether it is what would be written."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true")

    def handle(self, check, **options):
        path = settings.BASE_DIR / "asyncapi.json"
        text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise CommandError("asyncapi.json is stale: run `manage.py asyncapi`.")
