"""`manage.py handshake URL`, against Daphne, against servers that misbehave, and without any."""

import contextlib
import socket
import subprocess
import sys
import threading

import pytest
from django.core.management import CommandError, call_command

from tests.conftest import LISTENING, STEP, Server


@pytest.fixture(scope="module")
def server():
    """One Daphne for all tests of this file: none of them changes it."""
    server = Server("-m", "daphne", "-b", "127.0.0.1", "-p", "0", "config.asgi:application")
    server.port = int(server.wait_for(LISTENING)[1])
    yield server
    server.stop()


def failure(*arguments: str) -> str:
    """How the command says that it failed."""
    with pytest.raises(CommandError) as error:
        call_command("handshake", *arguments)
    return str(error.value)


@pytest.fixture
def answering():
    """Start a server that answers one connection with these bytes and then waits, or hangs up."""
    with contextlib.ExitStack() as stack:

        def start(answer: bytes, hang_up: bool = False) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            ended = threading.Event()

            def serve():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)
                    if not hang_up:
                        ended.wait(10)

            thread = threading.Thread(target=serve)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(ended.set)
            return f"ws://127.0.0.1:{listener.getsockname()[1]}/"

        yield start


def test_every_line_of_request_and_answer_is_explained(server, capsys):
    url = server.url("/ws/echo/?a=b", "ws")
    call_command("handshake", url, key="dGhlIHNhbXBsZSBub25jZQ==", origin="https://example.com")
    lines = capsys.readouterr().out.splitlines()
    for line in (
        "> GET /ws/echo/?a=b HTTP/1.1",
        "> Origin: https://example.com",
        "> Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "< HTTP/1.1 101 Switching Protocols",
        "< Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ):
        assert line in lines
    shown = [number for number, line in enumerate(lines) if line.startswith(("> ", "< "))]
    assert len(shown) == 7 + 5
    assert all(lines[number + 1].startswith("    ") for number in shown)
    assert lines[-1].startswith("Open: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


# --8<-- [start:broken]
@pytest.mark.parametrize(
    "options, answer",
    [
        (["--omit", "upgrade"], "404 Not Found"),  # a plain GET, so Django's to answer
        (["--omit", "connection"], "400 HTTP Connection header missing"),
        (["--omit", "key"], "400 HTTP Sec-WebSocket-Key header missing"),
        (["--omit", "version"], "400 WebSocket connection denied"),
        (["--version", "12"], "400 WebSocket version 12 not supported"),
        (["--key", "short"], "400 bad Sec-WebSocket-Key"),
    ],
)
def test_each_broken_handshake_has_its_refusal(server, capsys, options, answer):
    status = answer.split()[0]
    url = server.url("/ws/echo/", "ws")
    assert failure(url, *options) == f"Not a WebSocket: the status is {status}, not 101."
    assert f"< HTTP/1.1 {answer}" in capsys.readouterr().out


# --8<-- [end:broken]


def test_a_foreign_origin_is_let_in_as_nobody_checks_it_yet(server, capsys):
    call_command("handshake", server.url("/ws/echo/", "ws"), origin="https://evil.example")
    assert "Open: " in capsys.readouterr().out


def test_a_page_is_not_a_websocket_endpoint(server):
    url = server.url("/", "ws")
    assert failure(url) == "Not a WebSocket: the status is 500, not 101."


def test_nobody_listening_is_said_so(unused_tcp_port):
    url = f"ws://127.0.0.1:{unused_tcp_port}/"
    assert failure(url).startswith(f"Nobody listens on 127.0.0.1:{unused_tcp_port}")


def test_an_unknown_name_is_said_so():
    assert failure("ws://no-such-name.invalid/") == "The name 'no-such-name.invalid' is not known."


def test_tls_is_not_spoken():
    assert failure("wss://example.com/").startswith("wss:// needs TLS")


@pytest.mark.parametrize(
    "url",
    ["", "echo", "http://127.0.0.1/", "ws://", "ws://h:port/", "ws://h:99999/", "ws://[::1/"]
    + ["ws://h/a b", "ws://h/é", "ws://h/#part", "ws://h/\r\nX-Injected: 1"],
)
def test_a_bad_url_is_said_so(url):
    assert failure(url).startswith("Bad URL")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_time_limit_has_a_size(seconds):
    assert failure("ws://127.0.0.1/", "--timeout", seconds).startswith("--timeout is a number")


def test_a_server_that_says_nothing_runs_into_the_time_limit(answering):
    assert "No complete answer from 127.0.0.1" in failure(answering(b""), "--timeout", "0.3")


def test_a_server_that_hangs_up_is_said_so(answering):
    assert "cut the connection after 0.0 s, no answer" in failure(answering(b"", hang_up=True))


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n", b"\x15\x03\x01\x00\x02\x02F"])
def test_an_answer_that_is_not_http_is_said_so(answering, answer):
    assert failure(answering(answer)).startswith("The answer is not HTTP")


def test_an_accept_that_does_not_answer_our_key_is_refused(answering):
    answer = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )
    assert "Sec-WebSocket-Accept does not answer our key" in failure(answering(answer))


def test_a_failure_is_one_line_and_exit_code_1(unused_tcp_port):
    command = [sys.executable, "manage.py", "handshake", f"ws://127.0.0.1:{unused_tcp_port}/"]
    ended = subprocess.run(command, cwd=STEP, capture_output=True, encoding="utf-8")
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
