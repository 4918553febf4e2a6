"""The second mistake: `"daphne"` stands after staticfiles."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

# --8<-- [start:wrong]
INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app != "daphne"), "daphne"]
# --8<-- [end:wrong]
