"""docs/operate/secure.md: its table and the attack suite agree, and its checklist is true."""

import ast
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys

import pytest
from conftest import NOT_COPIED, OURS, ROOT
from pages import DOCS, Page
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

STEP = ROOT / "step05_auth"
APP = ROOT / "step06_fitness_app"
GONE = {  # with the rooms and the alerts
    "test_another_ones_room_is_closed",
    "test_a_removed_member_is_put_out_at_once",
    "test_a_rooms_name_is_no_sql",
    "test_another_ones_client_id_is_just_a_text",
    "test_a_group_of_others_is_not_heard",
    "test_an_odd_group_is_none",
    "test_who_is_not_staff_sends_no_alert",
}
PAGE = Page(DOCS / "operate/secure.md")
SUITE = [*STEP.glob("tests/attacks/test_*.py"), *ROOT.glob("tests/browser/test_step05_attacks*.py")]
PRODUCTION = {
    "DEBUG": "False",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "ALLOWED_HOSTS": "127.0.0.1",
    "HTTPS": "True",
}


def tables() -> dict[str, list[str]]:
    """The last cells of the page's rows, by the file that is named above them."""
    found = {}
    for heading in ("## Attack, defence, test", "## Who may do what"):
        part = PAGE.source.split(f"\n{heading}\n")[1].split("\n## ")[0]
        files = re.findall(r"^### [^\n]+\n\n`([^`]+)`\n(.*?)(?=^### |\Z)", part, re.M | re.S)
        for file, body in files:
            rows = [row for row in body.splitlines() if re.match(r"\| (?!attack|---)", row)]
            found[file] = [row.split("|")[3] for row in rows]
    return found


def named_in(file) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    names = {node.name for node in tree.body if isinstance(node, kinds)}
    return {name for name in names if name.startswith("test_")}


def test_each_file_of_the_suite_has_its_table():
    files = {file.relative_to(ROOT).as_posix() for file in SUITE}
    assert files <= set(tables())


def test_step_06_keeps_the_attacks_of_step_05():
    """All but those on what it has no more; what it has besides has rows of its own."""
    listed = set(tables())
    for file in APP.glob("tests/attacks/test_*.py"):
        before = STEP / file.relative_to(APP)
        attacks = named_in(before) if before.exists() else set()
        assert attacks - named_in(file) <= GONE
        assert named_in(file) <= attacks or file.relative_to(ROOT).as_posix() in listed
    kept = {file.name for file in APP.glob("tests/attacks/test_*.py")}
    assert {file.name for file in STEP.glob("tests/attacks/test_*.py")} <= kept


@pytest.mark.parametrize("file", tables())
def test_each_row_names_tests_that_are_there(file):
    rows = tables()[file]
    assert rows
    for row in rows:
        named = {"test_" + "_".join(words.split()) for words in row.split(";")}
        assert named <= named_in(ROOT / file), row


# The checklist


def manage(folder, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=folder,
        env={**OURS, **PRODUCTION, "PYTHONUTF8": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    copy = tmp_path_factory.mktemp("secure") / STEP.name
    shutil.copytree(STEP, copy, ignore=NOT_COPIED)
    assert manage(copy, "migrate", "--verbosity", "0").returncode == 0
    return copy


@pytest.mark.parametrize("step", [STEP, APP], ids=lambda step: step.name)
def test_debug_is_off_with_a_key_once_its_line_is_out_of_env(step, tmp_path):
    shutil.copytree(step / "config", tmp_path / "config", ignore=NOT_COPIED)
    example = (step / ".env.example").read_text(encoding="utf-8")
    env = re.sub("^SECRET_KEY=.*", f"SECRET_KEY={secrets.token_urlsafe(50)}", example, flags=re.M)
    bare = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    found = []
    for text in (env, env.replace("DEBUG=True\n", "")):
        (tmp_path / ".env").write_text(text, encoding="utf-8")
        read = "from config import settings; print(settings.DEBUG)"
        done = subprocess.run(
            [sys.executable, "-c", read], cwd=tmp_path, env=bare, capture_output=True, text=True
        )
        found.append(done.stdout.strip() or done.stderr)
    assert found == ["True", "False"]


@pytest.mark.slow
def test_a_proxy_that_changes_host_shuts_everybody_out(project, daphne):
    """What it passes on, spoken to Daphne directly: the visitor's origin, and another host."""
    hosts = "www.pulse.test,127.0.0.1"
    env = {**PRODUCTION, "HTTPS": "False", "ALLOWED_HOSTS": hosts, "AUTHENTICATE_WITHIN": "0.1"}
    server = daphne(project, env=env)

    def knock(host: str) -> str:
        """The type of the first frame, as a visitor of http://www.pulse.test."""
        with (
            socket.create_connection(("127.0.0.1", server.port)) as line,
            connect(f"ws://{host}/ws/whoami/", sock=line, origin="http://www.pulse.test") as client,
        ):
            return json.loads(client.recv(timeout=30))["type"]

    assert knock("www.pulse.test") == "closing"  # let in, then asked for a token
    with pytest.raises(InvalidStatus, match="403"):
        knock("127.0.0.1")


CARRIED = """
import json
from django.contrib.auth.models import User
from django.test import Client
from accounts.api import ObtainSerializer

ada, _ = User.objects.get_or_create(username="ada")
browser = Client()
browser.force_login(ada)
refresh = ObtainSerializer.get_token(ada)
print(json.dumps([browser.session.session_key, str(refresh.access_token), str(refresh)]))
"""
HOLDS = """
import json
from accounts.credentials import CookieCredential, NotAuthenticated, TokenCredential
from django.test import override_settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken

session, access, refresh = json.loads('{carried}')
checks = [
    lambda: CookieCredential(session).check(),
    lambda: TokenCredential.read(access, "message").check(),
    lambda: RefreshToken(refresh),
]
good = []
with override_settings(SECRET_KEY_FALLBACKS={fallbacks}):
    for check in checks:
        try:
            check()
            good.append(True)
        except (NotAuthenticated, TokenError):
            good.append(False)
print(json.dumps(good))
"""
AT_A_SOCKET = """
import json
from asgiref.sync import async_to_sync
from channels.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.test import override_settings

session = json.loads('{carried}')[0]
with override_settings(SECRET_KEY_FALLBACKS={fallbacks}):
    user = async_to_sync(get_user)({{"session": SessionStore(session)}})
print(json.dumps([user.is_authenticated, SessionStore().exists(session)]))
"""


@pytest.mark.slow
def test_a_new_secret_key_ends_everything(project):
    def shell(script: str, **environment: str):
        done = manage(project, "shell", "--verbosity", "0", "--command", script, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    carried = json.dumps(shell(CARRIED))
    old = [PRODUCTION["SECRET_KEY"]]
    new = secrets.token_urlsafe(50)
    said = {"carried": carried, "fallbacks": []}
    assert shell(HOLDS.format(**said)) == [True, True, True]
    assert shell(HOLDS.format(**said), SECRET_KEY=new) == [False, False, False]
    said["fallbacks"] = old
    assert shell(HOLDS.format(**said), SECRET_KEY=new) == [True, False, False]
    said["carried"] = json.dumps(shell(CARRIED))
    assert shell(AT_A_SOCKET.format(**said)) == [True, True]
    assert shell(AT_A_SOCKET.format(**said), SECRET_KEY=new) == [False, False]
