"""The app's entry: its signals listen from the start."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"

    def ready(self):
        from people import signals  # noqa: F401
