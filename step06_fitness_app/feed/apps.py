"""The app's entry: its signals listen from the start."""

from django.apps import AppConfig


class FeedConfig(AppConfig):
    name = "feed"

    def ready(self):
        from feed import signals  # noqa: F401
