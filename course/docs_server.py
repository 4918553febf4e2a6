"""Serve the docs site: `python -m course.docs_server PORT STEP_PORT`.

The site is built with mkdocs into `.cache/site`, only when its sources changed, and again when one
is saved. The last good build is served meanwhile, so the docs are up at once.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from watchfiles import watch

from course.parent import end_with_parent
from course.steps import CACHE, ROOT, WORK_NUMBER, all_steps

SITE = CACHE / "site"
STAMP = CACHE / "site.stamp"
TOLD = "window.WIRE_TRACE_PORTS"  # where the pages look for what `serve` tells them
PAUSE = 1.0  # seconds between two attempts to swap the sites
SOURCES = {".md", ".py", ".yml", ".html", ".css", ".js", ".json", ".svg", ".png", ".webp"}
SOURCES |= {".jpg", ".txt", ".toml", ".ini", ".conf", ".service", ".example"}
WAIT_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>One moment</title>
<meta http-equiv="refresh" content="1"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width">
<body style="font: 16px system-ui; margin: 4rem auto; max-width: 40rem; padding: 0 16px">
<p>The docs are being built, which takes a few seconds. This page reloads by itself.</p>"""


class SiteHandler(SimpleHTTPRequestHandler):
    """Files of the built site, never cached, with types that do not depend on the machine."""

    # Windows takes types from its registry, where .js may be text/plain: modules would not load.
    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".css": "text/css",
        ".html": "text/html; charset=utf-8",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".woff2": "font/woff2",
    }

    def do_GET(self) -> None:
        page = Path(self.translate_path(self.path), "index.html")
        if not SITE.exists():
            self.send_page(HTTPStatus.SERVICE_UNAVAILABLE, WAIT_PAGE)
        elif urlsplit(self.path).path.endswith("/") and page.exists():
            html = page.read_bytes().replace(b"<head>", b"<head>" + self.server.told, 1)
            self.send_page(HTTPStatus.OK, html)
        else:
            super().do_GET()

    def send_error(self, code, message=None, explain=None) -> None:
        page = SITE / "404.html"
        if code == HTTPStatus.NOT_FOUND and page.exists():
            self.send_page(code, page.read_bytes())
        else:
            super().send_error(code, message, explain)

    def send_page(self, status: int, page: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format, *args) -> None:
        """Say nothing: the log belongs to the steps."""


def sources() -> list[Path]:
    """Every file a page is made of: the docs, and the steps that its snippets come from."""
    found = [ROOT / "mkdocs.yml", ROOT / "requirements.txt"]
    for folder in [ROOT / "docs", *(step.path for step in all_steps())]:
        found += [
            p for p in folder.rglob("*") if p.suffix in SOURCES and "__pycache__" not in p.parts
        ]
    return sorted(found)


def fingerprint() -> str:
    """Changes when a source does."""
    digest = hashlib.sha256()
    for path in sources():
        if path.exists():
            status = path.stat()
            digest.update(f"{path}|{status.st_mtime_ns}|{status.st_size}\n".encode())
    return digest.hexdigest()


def build_if_stale() -> None:
    """Build into a folder beside the site and swap them, so that a page is never half there."""
    now = fingerprint()
    if SITE.exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == now:
        return
    fresh = CACHE / "site.new"
    print("building the docs", flush=True)
    if not build(fresh):
        print("the docs could not be built: see above; the last good build stays", flush=True)
        return
    put_in_place(fresh)
    STAMP.write_text(now, encoding="utf-8")
    print("the docs are built", flush=True)


def build(folder: Path) -> bool:
    """Build the site into a folder; whether that went well."""
    argv = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # an announcement of Material's, not ours
    return subprocess.run(argv, cwd=ROOT, env=quiet, stdin=subprocess.DEVNULL).returncode == 0


def put_in_place(fresh: Path) -> None:
    """Swap the site for the fresh one; Windows refuses while a file in one of them is open."""
    told = False
    while True:
        try:
            return swap(fresh)
        except OSError as error:
            if not told:
                print(f"the docs are built, but the old ones are in use: {error}", flush=True)
            told = True
            time.sleep(PAUSE)


def swap(fresh: Path) -> None:
    """Move the old site away, the fresh one there; or leave all as it was."""
    for left in CACHE.glob("site.old*"):
        shutil.rmtree(left, ignore_errors=True)
    old = Path(tempfile.mkdtemp(prefix="site.old", dir=CACHE), "site")
    if SITE.exists():
        SITE.rename(old)
    try:
        fresh.rename(SITE)
    except OSError:
        if old.exists():
            old.rename(SITE)
        raise
    shutil.rmtree(old.parent, ignore_errors=True)


def build_on_save() -> None:
    build_if_stale()
    folders = [ROOT / "docs", ROOT / "mkdocs.yml", *(step.path for step in all_steps())]
    for _ in watch(*(folder for folder in folders if folder.exists()), raise_interrupt=False):
        build_if_stale()


def tell_ports(step_port: int) -> bytes:
    """What tells the inspector and the front page where `serve` put the steps."""
    ports = {number: step_port + number for number in range(1, WORK_NUMBER)}
    ports["work"] = step_port + WORK_NUMBER
    return f"<script>{TOLD} = {json.dumps(ports)}</script>".encode()


def main(port: int, step_port: int) -> None:
    CACHE.mkdir(exist_ok=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    threading.Thread(target=build_on_save, daemon=True).start()
    handler = partial(SiteHandler, directory=str(SITE))
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.told = tell_ports(step_port)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
