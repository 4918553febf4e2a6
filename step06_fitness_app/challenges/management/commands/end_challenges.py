"""`manage.py end_challenges`: for a timer, where nobody may be looking at the end."""

from django.core.management.base import BaseCommand

from challenges.services import end_due


class Command(BaseCommand):
    help = "Carry out the end of every challenge that is due: winner, notifications, dissolution."

    def handle(self, **options):
        self.stdout.write(f"{end_due()} ended")
