"""The opening handshake of RFC 6455: the request, and what makes the answer an answer."""

import base64

import pytest

KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, section 1.3
ANSWER = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": ACCEPT}


@pytest.fixture
def handshake():
    from handshake import handshake

    return handshake


@pytest.mark.task(
    title="Compute Sec-WebSocket-Accept",
    hint="handshake/handshake.py, accept_for(key): SHA-1 of the key and the GUID of RFC 6455, "
    "section 1.3, in base64.",
    page="steps/step02_asgi/#handshake",
)
def test_the_rfcs_sample_key_gives_the_rfcs_sample_accept(handshake):
    assert handshake.accept_for(KEY) == ACCEPT


def test_every_request_has_a_key_of_its_own_16_bytes_long(handshake):
    keys = {handshake.request_headers("example")["Sec-WebSocket-Key"] for _ in range(20)}
    assert len(keys) == 20
    assert {len(base64.b64decode(key, validate=True)) for key in keys} == {16}


def test_the_request_says_what_the_rfc_wants(handshake):
    headers = handshake.request_headers("example:8000", origin="https://example")
    key = headers.pop("Sec-WebSocket-Key")
    assert key
    assert headers == {
        "Host": "example:8000",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Origin": "https://example",
    }


@pytest.mark.parametrize("change", [{}, {"upgrade": "WebSocket", "connection": "x, upgrade"}])
def test_a_right_answer_has_no_problems(handshake, change):
    assert handshake.problems(101, {**ANSWER, **change}, KEY) == []


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"upgrade": "h2c"}, "Upgrade"),
        ({"connection": "keep-alive"}, "Connection"),
        ({"sec-websocket-accept": KEY}, "Sec-WebSocket-Accept"),
        ({"sec-websocket-accept": ACCEPT.lower()}, "Sec-WebSocket-Accept"),
        ({"sec-websocket-protocol": "chat"}, "sec-websocket-protocol"),
        ({"sec-websocket-extensions": "permessage-deflate"}, "sec-websocket-extensions"),
    ],
)
def test_each_wrong_answer_is_named(handshake, change, problem):
    (found,) = handshake.problems(101, {**ANSWER, **change}, KEY)
    assert found.startswith(problem)


def test_a_missing_header_is_a_problem(handshake):
    assert len(handshake.problems(101, {}, KEY)) == 3


def test_another_status_is_the_only_problem_named(handshake):
    assert handshake.problems(200, ANSWER, KEY) == ["the status is 200, not 101"]
