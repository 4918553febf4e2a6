"""What step 02's page shows of `manage.py handshake` is what it prints."""

import subprocess
import sys

from pages import DOCS, ROOT, Page

STEP = ROOT / "step02_asgi"


def test_the_handshake_on_the_page_is_the_one_the_command_prints(daphne):
    page = Page(DOCS / "steps/step02_asgi.md")
    (shown,) = [f for f in page.fences if f.body.startswith("$ python manage.py handshake")]
    command, *expected = shown.lines
    address = f"127.0.0.1:{daphne(STEP).port}"
    arguments = command.removeprefix("$ python ").replace("127.0.0.1:8000", address).split()
    run = subprocess.run(
        [sys.executable, *arguments], cwd=STEP, capture_output=True, encoding="utf-8", timeout=30
    )
    assert run.stdout.replace(address, "127.0.0.1:8000").splitlines() == expected
    assert run.returncode == 0
