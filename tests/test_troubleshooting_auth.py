"""The entries of docs/troubleshooting.md on logging in: `test_still_there` is `still-there`.

As in tests/test_troubleshooting.py, the wrong code and the message come from the page itself.
"""

import json
import re
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from conftest import OURS, SETTINGS, Process, make_project, start_daphne, symptoms
from django.core.cache.backends.locmem import LocMemCache
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.slow  # see test_troubleshooting.py

KEY = secrets.token_urlsafe(50)
MEMBERS = (
    SETTINGS.replace("only for this test", KEY)
    + """
INSTALLED_APPS += [
    "django.contrib.sessions", "rest_framework", "rest_framework_simplejwt.token_blacklist",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""
)
ASGI = """
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()
from channels.routing import ProtocolTypeRouter
{application}

application = ProtocolTypeRouter(
    {{"http": django_application, "websocket": websocket_application}}
)
"""
STACK = """
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import path
{imports}

websocket_application = AuthMiddlewareStack(URLRouter([{routes}]))
"""
PEOPLE = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, BACKEND_SESSION_KEY
from django.contrib.auth.models import User
from django.core.management import call_command

call_command("migrate", verbosity=0)
ada = User.objects.create(pk=1, username="ada")
User.objects.create(pk=2, username="ben", is_active=False)
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = "1"
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = ada.get_session_auth_hash()
session.save()
print(json.dumps(session.session_key))
"""


def shell(folder, script: str):
    """What a script prints in `manage.py shell` there, as JSON."""
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", script]
    done = subprocess.run(
        command, cwd=folder, env={**OURS, "PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def token(**claims) -> str:
    """A token as simplejwt makes it, signed with the project's key."""
    now = datetime.now(UTC)
    claims = {"token_type": "access", "exp": now + timedelta(minutes=5), "jti": "1", **claims}
    return jwt.encode(claims, KEY, algorithm="HS256")


def status(url: str, **options) -> int:
    """The HTTP status of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as answer, connect(url, **options):
        pass
    return answer.value.response.status_code


def heard(url: str, **options) -> str:
    """The first frame from there."""
    with connect(url, **options) as client:
        return client.recv(timeout=30)


class Members:
    """A server with ada, logged in, and ben, deactivated; each wrong consumer at its entry's name.

    Routed as most projects do: AuthMiddlewareStack, no check of the origin.
    """

    def __init__(self, folder):
        files, imports, routes = {"entries/__init__.py": ""}, [], []
        for name, entry in symptoms().items():
            module = name.replace("-", "_")
            if f"test_{module}" in globals() and any("class Consumer" in it for it in entry.wrong):
                files[f"entries/{module}.py"] = entry.wrong[0]
                imports.append(f"from entries import {module}")
                routes.append(f'path("{name}/", {module}.Consumer.as_asgi())')
        stack = STACK.format(imports="\n".join(imports), routes=", ".join(routes))
        asgi = ASGI.format(application=stack)
        self.folder = make_project(folder, settings=MEMBERS, asgi=asgi, **files)
        self.cookie = {"Cookie": f"sessionid={shell(self.folder, PEOPLE)}"}
        self.server = start_daphne(self.folder)


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    members = Members(tmp_path_factory.mktemp("members"))
    yield members
    members.server.stop()


@pytest.fixture
def url(members, entry) -> str:
    return members.server.ws(f"/{entry.name}/")


@pytest.fixture
def logs(members, request):
    """Wait for a message in the log, written since the test began."""
    since = len(members.server.lines)
    return lambda message: members.server.wait_for(message, since=since)


# Whose page


def test_any_website(members, entry, daphne, tmp_path):
    def serve(name: str, around: str = ""):
        asgi = ASGI.format(application=entry.wrong[0] + around)
        folder = make_project(tmp_path / name, settings=MEMBERS, asgi=asgi)
        (folder / "db.sqlite3").write_bytes((members.folder / "db.sqlite3").read_bytes())
        return daphne(folder)

    def asked(server, origin: str) -> str | int:
        try:
            options = {"origin": origin, "additional_headers": members.cookie}
            with connect(server.ws("/ws/"), **options) as client:
                client.send("who am I?")
                return client.recv(timeout=30)
        except InvalidStatus as refused:
            return refused.response.status_code

    unchecked = serve("unchecked")
    origins = [unchecked.http("").rstrip("/"), "http://127.0.0.1:1", "http://evil.test", None]
    assert [asked(unchecked, origin) for origin in origins] == ["you are ada"] * 4

    hosts = "from channels.security.websocket import AllowedHostsOriginValidator\n"
    hosts += "from django.conf import settings\nsettings.ALLOWED_HOSTS[:] = ['127.0.0.1']\n"
    hosts += "websocket_application = AllowedHostsOriginValidator(websocket_application)\n"
    server = serve("hosts", hosts)
    assert [asked(server, origin) for origin in origins] == ["you are ada", "you are ada", 403, 403]

    full = "from channels.security.websocket import OriginValidator\n"
    full += f"websocket_application = OriginValidator(websocket_application, ['{origins[0]}'])\n"
    server = serve("full", full)
    assert [asked(server, origin) for origin in origins] == ["you are ada", 403, 403, 403]


def test_still_there(members, url):
    with connect(url, additional_headers=members.cookie) as client:
        client.send("who am I?")
        assert client.recv(timeout=30) == "you are ada"
        key = members.cookie["Cookie"].removeprefix("sessionid=")
        kept = shell(
            members.folder,
            "from importlib import import_module\nfrom django.conf import settings\n"
            f"store = import_module(settings.SESSION_ENGINE).SessionStore('{key}')\n"
            "data = dict(store.items())\nstore.flush()\nimport json; print(json.dumps(data))",
        )
        assert kept["_auth_user_id"] == "1"
        client.send("and now?")
        assert client.recv(timeout=30) == "you are ada"
        with connect(url, additional_headers=members.cookie) as late:
            late.send("who am I?")
            with pytest.raises(Exception, match="4401"):
                late.recv(timeout=30)


# Tokens


def test_split_query(url, logs, entry):
    assert heard(f"{url}?token=abc") == "abc"
    assert heard(f"{url}?token=a%3Db") == "a%3Db"
    assert status(f"{url}?token=a=b=c") == 500
    logs(entry.message)


@pytest.mark.needs("uvicorn")
def test_token_in_log(project, daphne, entry):
    folder = project()
    command = [sys.executable, "-m", "uvicorn", "--port", "0", "config.asgi:application"]
    uvicorn = Process(command, folder)
    try:
        port = uvicorn.wait_for(r"running on http://127\.0\.0\.1:(\d+)")[1]
        with connect(f"ws://127.0.0.1:{port}/ws/?token=secret"):
            uvicorn.wait_for(entry.message)
    finally:
        uvicorn.stop()
    assert "token=secret" in uvicorn.output
    server = daphne(folder)
    with connect(server.ws("/ws/?token=secret")):
        server.wait_for('WSCONNECT /ws/"')
    assert "secret" not in server.output


def test_token_error(url, logs, entry):
    good = f"bearer.{token(user_id='1')}"
    assert heard(url, subprotocols=[good]) == "you are 1"
    expired = token(user_id="1", exp=datetime(2020, 1, 1, tzinfo=UTC))
    for raw, message in zip(["rubbish", expired, token()], entry.messages, strict=True):
        assert status(url, subprotocols=[f"bearer.{raw}"]) == 500
        logs(message)


def test_inactive_user(members, url):
    ben = token(user_id="2")
    assert heard(url, subprotocols=[f"bearer.{ben}"]) == "you are ben"
    said = shell(
        members.folder,
        "import json\nfrom rest_framework_simplejwt.authentication import JWTAuthentication\n"
        "check = JWTAuthentication()\n"
        f"try: check.get_user(check.get_validated_token('{ben}'))\n"
        "except Exception as problem: print(json.dumps(str(problem.detail['detail'])))",
    )
    assert said == "User is inactive"


def test_refresh_as_access(url, members):
    refresh = f"bearer.{token(user_id='1', token_type='refresh')}"
    assert heard(url, subprotocols=[refresh]) == "you are 1"
    other = members.server.ws("/token-error/")  # there, simplejwt's class asks
    assert status(other, subprotocols=[refresh]) == 500


def test_access_outlives_blacklist(members):
    left = shell(
        members.folder,
        "import json\nfrom django.contrib.auth.models import User\n"
        "from rest_framework_simplejwt.authentication import JWTAuthentication\n"
        "from rest_framework_simplejwt.exceptions import TokenError\n"
        "from rest_framework_simplejwt.tokens import RefreshToken\n"
        "refresh = RefreshToken.for_user(User.objects.get(username='ada'))\n"
        "access = str(refresh.access_token)\nrefresh.blacklist()\ncheck = JWTAuthentication()\n"
        "try: RefreshToken(str(refresh))\nexcept TokenError as problem: said = str(problem)\n"
        "user = check.get_user(check.get_validated_token(access))\n"
        "print(json.dumps([said, user.username]))",
    )
    assert left == ["Token is blacklisted", "ada"]


def test_ticket_used_twice(members, url, daphne, entry):
    assert "cache.aadd" in entry.wrong[0]
    second = daphne(members.folder).ws(f"/{entry.name}/")
    for address in (url, second):
        with connect(f"{address}?ticket"):
            pass
        assert status(f"{address}?ticket") == 403
    # Or with one cache that evicts: the note goes, and the ticket is good again.
    evicting = LocMemCache("evicting", {"OPTIONS": {"MAX_ENTRIES": 3}})
    assert evicting.add("used.ticket", True) and not evicting.add("used.ticket", True)
    for number in range(3):
        evicting.set(str(number), "somebody else's")
    assert evicting.add("used.ticket", True)


def test_long_token(project, daphne):
    server = daphne(project())
    with connect(server.ws("/ws/"), subprotocols=["bearer." + "x" * 15_000]) as client:
        client.send("hi")
        assert client.recv(timeout=30) == "hi"
    too_long = ["bearer." + "x" * 17_000]
    with pytest.raises(InvalidMessage), connect(server.ws("/ws/"), subprotocols=too_long):
        pass
    token, cookie = ["bearer." + "x" * 9_000], {"Cookie": "a=" + "b" * 8_000}
    with pytest.raises(InvalidStatus) as refused:
        connect(server.ws("/ws/"), subprotocols=token, additional_headers=cookie)
    assert refused.value.response.status_code == 400


def test_short_key(project, entry):
    folder = project(settings=SETTINGS + 'INSTALLED_APPS += ["rest_framework_simplejwt"]\n')
    script = "from rest_framework_simplejwt.tokens import AccessToken; str(AccessToken())"
    command = [sys.executable, "-W", "always", "manage.py", "shell", "-v", "0", "-c", script]
    done = subprocess.run(command, cwd=folder, env=OURS, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert re.search(entry.message, done.stderr)
    assert "InsecureKeyLength" not in shell_warnings(folder, script, KEY)


def shell_warnings(folder, script: str, key: str) -> str:
    """What the same says on stderr once the key is a long one."""
    settings = folder / "config/settings.py"
    text = settings.read_text(encoding="utf-8").replace("only for this test", key)
    settings.write_text(text, encoding="utf-8")
    command = [sys.executable, "-W", "always", "manage.py", "shell", "-v", "0", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=OURS, capture_output=True, encoding="utf-8", check=True
    ).stderr


# Tests


def test_zero_rows(project, entry):
    counting = """
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import User


class Consumer(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(str(await database_sync_to_async(User.objects.count)()))
"""
    in_a_file = 'DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}\n'

    def tested(test: str) -> str:
        files = {
            "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = config.settings\n"
            "asyncio_mode = auto\npythonpath = .\n",
            "tests/test_it.py": test,
        }
        folder = project(settings=SETTINGS + in_a_file, consumers=counting, **files)
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
        return subprocess.run(
            command, cwd=folder, env=OURS, capture_output=True, encoding="utf-8", timeout=60
        ).stdout

    assert re.search(entry.message, tested(entry.wrong[0]))
    remedied = tested(entry.wrong[0].replace("ada(db)", "ada(transactional_db)"))
    assert "1 passed" in remedied, remedied
