"""What tests/browser/test_step05_attacks.py attacks: step 05's target of its own attack suite, with
static files, and the defences that a browser's attacks take away. Runs in the server's process.
"""

from unittest.mock import patch

from channels.security.websocket import AllowedHostsOriginValidator
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from tests.attacks.server import application as attacked  # the step's own, not this repository's

application = ASGIStaticFilesHandler(attacked)


def no_origin_check():
    return patch("accounts.origin.is_allowed", lambda scope: True)


def the_check_of_channels():
    """AllowedHostsOriginValidator in the place of SameOriginOnly."""

    async def instead(self, scope, receive, send):
        return await AllowedHostsOriginValidator(self.application)(scope, receive, send)

    return patch("accounts.origin.SameOriginOnly.__call__", instead)
