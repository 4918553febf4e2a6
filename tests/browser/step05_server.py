"""What tests/browser/test_step05_attacks.py attacks: step 05's target of its own attack suite, with
static files, and the defences that a browser's attacks take away. Runs in the server's process.
"""

from unittest.mock import patch

from tests.attacks.server import application as attacked  # the step's own; it loads the apps

# isort: split
from channels.security.websocket import AllowedHostsOriginValidator
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.template import engines
from django.test import Client

from alerts.models import Team
from conversations import services as conversations
from rooms import services as rooms
from rooms.models import Room

application = ASGIStaticFilesHandler(attacked)


# What a browser's attack needs to be there


def say_as(username: str) -> None:
    """Somebody with this username, whom no form would let in, says something in the lobby."""
    user = User.objects.create(username=username)
    lobby = Room.objects.get(name="lobby")
    lobby.members.add(user)
    rooms.store(lobby.pk, user, "look at my name", None)


def make_team(name: str) -> None:
    """A team of this name, with ada in it."""
    Team.objects.create(name=name).members.add(User.objects.get(username="ada"))


def write_to_ada(username: str, text: str) -> None:
    """Somebody with this username writes to ada."""
    user, _ = User.objects.get_or_create(username=username)
    conversation = conversations.start(user, User.objects.get(username="ada"))
    conversations.store(conversation.pk, user, text, None)


def staff_adds(username: str) -> bool:
    """Whether the admin's form makes a user of this name."""
    browser = Client(SERVER_NAME="www.pulse.test")
    browser.force_login(User.objects.get(username="sam"))
    password = {"usable_password": "true", "password1": "demo-demo-1", "password2": "demo-demo-1"}
    browser.post("/admin/auth/user/add/", {"username": username, **password})
    return User.objects.filter(username=username).exists()


# The defences that can be taken away


def no_origin_check():
    return patch("accounts.origin.is_allowed", lambda scope: True)


def the_check_of_channels():
    """AllowedHostsOriginValidator in the place of SameOriginOnly."""

    async def instead(self, scope, receive, send):
        return await AllowedHostsOriginValidator(self.application)(scope, receive, send)

    return patch("accounts.origin.SameOriginOnly.__call__", instead)


def no_escaping():
    """Templates as they were before Django 1.0."""
    return patch.object(engines["django"].engine, "autoescape", False)


def any_username():
    return patch.object(User._meta.get_field("username"), "validators", [])
