"""Announce from a terminal: another process than the server."""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from alerts import services
from alerts.groups import EVERYONE, class_group, club_group
from alerts.layer import explain
from alerts.models import Club, FitnessClass


class Command(BaseCommand):
    help = "Announce TEXT to everyone, or to a club's or a class's guests, wherever connected."

    def add_arguments(self, parser):
        parser.add_argument("text")
        level = parser.add_mutually_exclusive_group()
        level.add_argument("--club", type=int, metavar="ID")
        level.add_argument("--class", type=int, metavar="ID", dest="class_id")

    def handle(self, *, text, club, class_id, **options):
        level = EVERYONE
        if club is not None:
            level = club_group(self.existing(Club, club))
        elif class_id is not None:
            level = class_group(self.existing(FitnessClass, class_id))
        try:
            services.require_shared_layer()
            services.announce(text, level)
        except services.NobodyHere as refusal:
            raise CommandError(refusal) from None
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages)) from None
        except Exception as problem:
            raise CommandError(explain(problem)) from problem
        self.stdout.write(f"Announced to {level}.")

    def existing(self, model, pk: int) -> int:
        if not model.objects.filter(pk=pk).exists():
            raise CommandError(f"There is no {model._meta.verbose_name} {pk}.")
        return pk
