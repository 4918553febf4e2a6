"""The log line of the step's page: what a server writes about a token in the query string."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import httpx
import pytest
from conftest import NOT_COPIED, OURS, ROOT, Process
from pages import DOCS, Page
from websockets.sync.client import connect

ENVIRONMENT = {"WS_TOKEN_IN_QUERY": "True"}
LISTENING = r"(?:running on http://|TCP address )127\.0\.0\.1:(\d+)"
SERVERS = {
    "uvicorn": ["-m", "uvicorn", "--port", "0", "config.asgi:application"],
    "daphne": ["-m", "daphne", "-p", "0", "config.asgi:application"],
}


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory):
    copy = tmp_path_factory.mktemp("logged") / "step05_auth"
    shutil.copytree(ROOT / copy.name, copy, ignore=NOT_COPIED)
    for command in ("migrate", "demo"):
        subprocess.run(
            [sys.executable, "manage.py", command],
            cwd=copy,
            env=OURS,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return copy


@pytest.fixture(params=SERVERS)
def logged(request, step):
    """The server's name, what it wrote about a socket with `?token=`, and that token."""
    server = Process([sys.executable, *SERVERS[request.param]], step, ENVIRONMENT)
    try:
        here = f"127.0.0.1:{server.wait_for(LISTENING)[1]}"
        ada = {"username": "ada", "password": "ada-demo"}
        token = httpx.post(f"http://{here}/api/token/", json=ada).json()["access"]
        url = f"ws://{here}/ws/whoami/?token={token}"
        with connect(url, origin=f"http://{here}") as socket:
            assert '"via":"query"' in socket.recv(10)
        server.wait_for(r"\[accepted\]|WSCONNECT")
        yield request.param, server.output, token
    finally:
        server.stop()


def shown() -> str:
    """The line on the page."""
    (fence,) = [f for f in Page(DOCS / "steps/step05_auth.md").fences if ".logged" in f.info]
    return fence.body.strip()


@pytest.mark.needs("uvicorn")
def test_what_the_page_shows_is_what_is_written(logged):
    name, output, token = logged
    line = re.escape(shown()).replace("…", r"(\S*)")
    if name == "uvicorn":
        found = re.search(line, output)
        assert found and token.endswith(found[2]), output
    else:
        assert "/ws/whoami/" in output and token not in output and not re.search(line, output)
