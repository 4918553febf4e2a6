"""The app's entry: its signals listen from the start."""

from django.apps import AppConfig


class ChallengesConfig(AppConfig):
    name = "challenges"

    def ready(self):
        from challenges import signals  # noqa: F401
