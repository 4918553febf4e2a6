"""The app's entry: its signals listen from the start."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self):
        from accounts import checks, schema, signals  # noqa: F401
