"""The app's start: connect what listens to teams."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "alerts"

    def ready(self):
        from alerts import signals  # noqa: F401  importing connects its receivers
