"""The first mistake: `"daphne"` is not in INSTALLED_APPS."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

# --8<-- [start:wrong]
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "daphne"]
# --8<-- [end:wrong]
