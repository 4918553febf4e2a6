"""`manage.py demo`: people and a conversation to try things with."""

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from chat.services import start

PEOPLE = ["ada", "ben", "cleo"]


class Command(BaseCommand):
    help = "Make the people ada, ben and cleo, and sam of the staff; each password is <name>-demo."

    def handle(self, **options):
        if not settings.DEBUG:
            raise CommandError("Known passwords are for development: DEBUG is off here.")
        ada, ben, _ = (self.person(name) for name in PEOPLE)
        self.person("sam", is_staff=True, is_superuser=True)
        start(ada, ben)
        names = ", ".join([*PEOPLE, "sam (staff)"])
        self.stdout.write(f"{names}: the password is the name and -demo. ada and ben talk.")

    def person(self, name: str, **fields) -> User:
        """Somebody of that name, who keeps what they have if they are here already."""
        user, is_new = User.objects.get_or_create(username=name, defaults=fields)
        if is_new:
            user.set_password(f"{name}-demo")
            user.save()
        return user
