"""The app's entry: its signals listen from the start."""

from django.apps import AppConfig


class WorkoutsConfig(AppConfig):
    name = "workouts"

    def ready(self):
        from workouts import signals  # noqa: F401
