"""Each way to carry a token into a socket, and what none of them lets in."""

import asyncio
import base64
import json
import threading

import pytest
from channels.db import database_sync_to_async as in_thread
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import browser_of, cookie_of, knock, ticket_of, tokens_of, visit
from tests.sockets import SECONDS
from tests.talking import enter, path

BAD_TOKEN = (4401, "the token is not valid, or has expired")
BAD_TICKET = (4401, "the ticket is unknown, used, or has expired")
BAD_FIRST = (4401, "the first message is not an `authenticate`")

pytestmark = pytest.mark.django_db(transaction=True)


async def token_of(username: str) -> str:
    return (await in_thread(tokens_of)(username))["access"]


def forged(header: str) -> str:
    """A token with that header: nothing else about it is right."""
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode() for part in (header, "{}", ""))


# A ticket


async def test_a_ticket_opens_one_socket(people):
    ticket = await in_thread(ticket_of)("ada")
    async with knock("/ws/whoami/", "pulse.v1", f"ticket.{ticket}") as ada:
        whoami = await ada.hear()
        assert (whoami["username"], whoami["via"]) == ("ada", "ticket")
        assert ada.subprotocol == "pulse.v1"
    async with knock("/ws/whoami/", "pulse.v1", f"ticket.{ticket}") as again:
        assert (await again.closed())[0] == 4401


async def test_a_ticket_has_a_time(people, settings):
    settings.TICKET_SECONDS = 0
    ticket = await in_thread(ticket_of)("ada")
    async with knock("/ws/whoami/", f"ticket.{ticket}") as ada:
        assert await ada.closed() == BAD_TICKET


@pytest.mark.parametrize("ticket", ["", "unknown", "x" * 10_000, "*", "a.b"])
async def test_a_ticket_that_nobody_issued_is_4401(people, ticket):
    async with knock("/ws/whoami/", f"ticket.{ticket}") as ada:
        assert await ada.closed() == BAD_TICKET


async def test_a_ticket_of_a_log_in_that_has_ended_is_4401(people):
    from accounts import services

    ticket = await in_thread(ticket_of)("ada")
    await in_thread(services.end_all)(people["ada"].pk)
    async with knock("/ws/whoami/", f"ticket.{ticket}") as ada:
        assert await ada.closed() == BAD_TOKEN


async def test_of_many_who_claim_one_ticket_at_once_one_gets_it(people):
    from accounts import tickets

    ticket = await in_thread(ticket_of)("ada")
    barrier, claimed = threading.Barrier(20), []

    def claim():
        barrier.wait(10)
        claimed.append(tickets.claim(ticket))

    threads = [threading.Thread(target=claim) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join, 20)
    assert len(claimed) == 20
    assert len([token for token in claimed if token]) == 1


# A token as a subprotocol


async def test_a_token_rides_as_a_subprotocol_and_is_not_the_one_chosen(people):
    access = await token_of("ada")
    async with knock("/ws/whoami/", "pulse.v1", f"bearer.{access}") as ada:
        whoami = await ada.hear()
        assert (whoami["username"], whoami["via"]) == ("ada", "subprotocol")
        assert ada.subprotocol == "pulse.v1"


@pytest.mark.parametrize("order", [1, -1])
async def test_the_applications_own_subprotocol_is_chosen_in_any_order(people, order):
    access = await token_of("ada")
    offered = ["pulse.v1", "other", f"bearer.{access}"][::order]
    async with knock("/ws/whoami/", *offered) as ada:
        assert ada.subprotocol == "pulse.v1"


async def test_without_it_none_is_chosen(people):
    """The answer would repeat the token, for every log on the way."""
    async with knock("/ws/whoami/", f"bearer.{await token_of('ada')}") as ada:
        assert ada.subprotocol is None
        assert (await ada.hear())["via"] == "subprotocol"


async def test_who_is_refused_gets_the_subprotocol_too(people):
    """Else Chromium fails the handshake, and the page sees 1006 in place of 4401."""
    async with knock("/ws/whoami/", "pulse.v1", "bearer.a.b.c") as nobody:
        assert nobody.subprotocol == "pulse.v1"
        assert await nobody.closed() == BAD_TOKEN


# In the query string


async def test_the_query_string_is_off(people):
    async with knock(f"/ws/whoami/?token={await token_of('ada')}") as ada:
        code, reason = await ada.closed()
    assert code == 4401
    assert reason == "tokens in the query string are not taken here"


async def test_the_query_string_can_be_taken(people, settings):
    settings.WS_TOKEN_IN_QUERY = True
    async with knock(f"/ws/whoami/?a=b&token={await token_of('ada')}") as ada:
        whoami = await ada.hear()
        assert (whoami["username"], whoami["via"]) == ("ada", "query")


async def test_the_query_string_is_decoded(people, settings):
    settings.WS_TOKEN_IN_QUERY = True
    access = (await token_of("ada")).replace(".", "%2E").replace("e", "%65")
    async with knock(f"/ws/whoami/?%74oken={access}") as ada:
        assert (await ada.hear())["via"] == "query"


@pytest.mark.parametrize("query", ["token=a=b=c", "token=%3D", "token=", "token", "token=%00%FF"])
async def test_a_query_string_of_nonsense_is_4401(people, settings, query):
    settings.WS_TOKEN_IN_QUERY = True
    async with knock(f"/ws/whoami/?{query}") as nobody:
        assert await nobody.closed() == BAD_TOKEN


# The first message


async def test_the_first_message_may_bring_the_token(people):
    async with knock("/ws/whoami/", "pulse.v1") as ada:
        assert ada.subprotocol == "pulse.v1"
        await ada.say("authenticate", token=await token_of("ada"))
        whoami = await ada.hear()
        assert (whoami["username"], whoami["via"]) == ("ada", "message")


async def test_a_conversation_after_a_first_message_is_one_like_any(talk):
    async with knock(path(talk), after=0) as ada, enter("ben", talk) as ben:
        await ada.say("authenticate", token=await token_of("ada"))
        assert (await ada.hear())["type"] == "chat_history"
        assert await ada.said("hello") == 1
        assert (await ben.get("chat_message"))["username"] == "ada"


async def test_who_may_not_enter_is_told_so_after_the_first_message_too(talk):
    async with knock(path(talk)) as cleo:
        await cleo.say("authenticate", token=await token_of("cleo"))
        assert (await cleo.closed())[0] == 4403


async def test_a_first_message_that_does_not_come_in_time_is_4401(people, settings):
    settings.AUTHENTICATE_WITHIN = 0.05
    async with knock("/ws/whoami/") as nobody:
        assert await nobody.closed() == (4401, "log in, or send a token as the first message")
        await nobody.say("authenticate", token=await token_of("ada"))
        assert await nobody.communicator.receive_nothing()


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        b"hello",
        "{}",
        '{"type": "ping"}',
        '{"type": "authenticate"}',
        '{"type": "authenticate", "token": ""}',
        '{"type": "authenticate", "token": 1}',
        '{"type": "authenticate", "token": "%s"}' % ("x" * 65_536),
        '{"type": "chat_message", "message": "hello"}',
        "[" * 100_000,
    ],
    ids=lambda frame: ascii(frame[:50]),
)
async def test_any_other_first_message_is_4401(talk, frame):
    async with knock(path(talk)) as nobody:
        await nobody.send(frame)
        assert await nobody.closed() == BAD_FIRST


async def test_who_leaves_without_a_first_message_leaves_nothing_behind(people):
    async with knock("/ws/whoami/") as nobody:
        await nobody.communicator.disconnect(1001)
        await nobody.ended()
        assert await nobody.communicator.receive_nothing(), "uvicorn raises: nobody is there"


# What is no good, by whatever way


async def by_subprotocol(token: str):
    return knock("/ws/whoami/", f"bearer.{token}")


async def by_ticket(token: str):
    from accounts import tickets

    return knock("/ws/whoami/", f"ticket.{await in_thread(tickets.issue)(token)}")


async def by_query(token: str):
    return knock("/ws/whoami/", token=token)


@pytest.mark.parametrize("carry", [by_subprotocol, by_ticket, by_query])
@pytest.mark.parametrize(
    "kind", ["refresh", "no token", "two dots", "another key", "none", "deep header", "long"]
)
async def test_a_bad_token_is_4401_by_every_way(people, settings, carry, kind):
    import jwt

    settings.WS_TOKEN_IN_QUERY = True
    tokens = await in_thread(tokens_of)("ada")
    claims = jwt.decode(tokens["access"], options={"verify_signature": False})
    bad = {
        "refresh": tokens["refresh"],
        "no token": "hello",
        "two dots": "..",
        "another key": jwt.encode(claims, "x" * 50, "HS256"),
        "none": jwt.encode(claims, None, "none"),
        "deep header": forged("[" * 20_000),
        "long": "x" * 65_536,
    }
    async with await carry(bad[kind]) as nobody:
        assert await nobody.closed() == BAD_TOKEN


@pytest.mark.parametrize("kind", ["refresh", "no token", "deep header"])
async def test_a_bad_token_is_4401_by_the_first_message(people, kind):
    refresh = (await in_thread(tokens_of)("ada"))["refresh"]
    bad = {"refresh": refresh, "no token": "hello", "deep header": forged("[" * 3000)}
    async with knock("/ws/whoami/") as nobody:
        await nobody.say("authenticate", token=bad[kind])
        assert await nobody.closed() == BAD_TOKEN


async def test_a_deep_header_is_401_over_http(people):
    bearer = f"Bearer {forged('[' * 20_000)}"
    answer = await in_thread(Client().post)("/api/ws-ticket/", headers={"Authorization": bearer})
    assert answer.status_code == 401


# More than one


async def test_two_credentials_are_4401_and_a_ticket_among_them_is_not_used_up(people, settings):
    settings.WS_TOKEN_IN_QUERY = True
    access, ticket = await token_of("ada"), await in_thread(ticket_of)("ada")
    bearer, ticket = f"bearer.{access}", f"ticket.{ticket}"
    for offered, query in [
        ([bearer, ticket], {}),
        ([bearer, bearer], {}),
        ([ticket, ticket], {}),
        ([bearer], {"token": access}),
        ([ticket], {"token": access}),
        ([bearer, "bearer."], {}),
    ]:
        async with knock("/ws/whoami/", "pulse.v1", *offered, **query) as ada:
            assert await ada.closed() == (4401, "more than one credential")
    async with knock(f"/ws/whoami/?token={access}&token={access}") as ada:
        assert await ada.closed() == (4401, "more than one credential")
    async with knock("/ws/whoami/", ticket) as ada:
        assert (await ada.hear())["via"] == "ticket"


async def test_a_token_counts_before_the_cookie(people):
    cookie = cookie_of(await in_thread(browser_of)("ben"))
    bearer = f"bearer.{await token_of('ada')}"
    async with knock("/ws/whoami/", bearer, cookie=cookie) as ada:
        whoami = await ada.hear()
        assert (whoami["username"], whoami["via"]) == ("ada", "subprotocol")


async def test_a_cookie_does_not_make_a_bad_token_good(people):
    cookie = cookie_of(await in_thread(browser_of)("ben"))
    async with knock("/ws/whoami/", "bearer.a.b.c", cookie=cookie) as ben:
        assert await ben.closed() == BAD_TOKEN


# The middleware by itself


class Wire:
    """What a server gives an application: a handshake, and a place to send to."""

    def __init__(self, *subprotocols: str):
        self.scope = {
            "type": "websocket",
            "subprotocols": list(subprotocols),
            "query_string": b"",
            "user": AnonymousUser(),
        }
        self.scopes, self.sent = [], []

    async def application(self, scope, receive, send):
        self.scopes.append(scope)
        scope["ours"] = True

    async def receive(self):
        return {"type": "websocket.connect"}

    async def send(self, event):
        self.sent.append(event["type"])

    async def run(self) -> None:
        from accounts.middleware import TokenAuthMiddleware

        await TokenAuthMiddleware(self.application)(self.scope, self.receive, self.send)


async def test_the_scope_of_the_caller_stays_as_it_was(people):
    wire = Wire("pulse.v1", f"bearer.{await token_of('ada')}")
    before = {**wire.scope}
    await wire.run()
    assert wire.scope == before
    (scope,) = wire.scopes
    assert scope["credential"].user_id == people["ada"].pk
    assert scope["credential"].via == "subprotocol"


def test_a_session_proves_nobody_else(people):
    from accounts.credentials import CookieCredential, NotAuthenticated

    session_key = cookie_of(browser_of("ada")).partition("=")[2]
    assert CookieCredential.read(session_key).check() == people["ada"]
    with pytest.raises(NotAuthenticated, match="you are logged out"):
        CookieCredential(session_key, people["ben"].pk).check()


@pytest.mark.parametrize(("way", "questions"), [("token", 1), ("cookie", 4)])
async def test_what_a_handshake_asks_the_database(people, monkeypatch, way, questions):
    """A token: its log-in and whose that is. A cookie: its session, twice, the user, the log-in."""
    from django.db.backends.utils import CursorWrapper

    execute, asked = CursorWrapper.execute, []

    def count(self, sql, params=None):
        asked.append(sql)
        return execute(self, sql, params)

    token = await token_of("ada")
    cookie = cookie_of(await in_thread(browser_of)("ada"))
    monkeypatch.setattr(CursorWrapper, "execute", count)
    carried = {"cookie": cookie} if way == "cookie" else {}
    async with knock("/ws/whoami/", *[f"bearer.{token}"][: not carried], **carried) as ada:
        assert (await ada.hear())["username"] == "ada"
        monkeypatch.undo()
    assert len(asked) == questions, asked


async def test_a_database_that_is_away_is_an_error_and_nobody_in_particular(people, monkeypatch):
    """Nobody goes on as AnonymousUser because the server could not look."""
    from accounts.authentication import TokenAuthentication

    def fail(self, token):
        raise OperationalError("the database is away")

    token = await token_of("ada")
    monkeypatch.setattr(TokenAuthentication, "get_user", fail)
    with pytest.raises(OperationalError):
        async with knock("/ws/whoami/", f"bearer.{token}") as ada:
            await asyncio.wait_for(ada.communicator.future, SECONDS)


async def test_a_credential_does_not_show_what_it_is_made_of(people):
    """It may end up in a log or a traceback."""
    access = await token_of("ada")
    wire = Wire(f"bearer.{access}")
    await wire.run()
    shown = repr(wire.scopes[0]["credential"])
    assert "via='subprotocol'" in shown
    assert access not in shown and str(people["ada"].pk) not in shown
    async with visit("/ws/whoami/", "ada") as ada:
        await ada.hear()
    from accounts.credentials import CookieCredential

    assert "secret" not in repr(CookieCredential("secret", 7))


# Whatever comes in


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
TOKENS = st.one_of(
    st.text(max_size=60),
    st.text("abc._-=", max_size=40),
    st.builds(forged, st.one_of(JSON_VALUES.map(json.dumps), st.text(max_size=30))),
)
FRAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.binary(max_size=40),
    JSON_VALUES.map(json.dumps),
    st.builds(lambda token: json.dumps({"type": "authenticate", "token": token}), TOKENS),
    st.builds(lambda value: json.dumps({"type": "authenticate", "token": value}), JSON_VALUES),
)
A_FEW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@A_FEW
@given(frames=st.lists(FRAMES, min_size=20, max_size=20))
async def test_300_generated_frames_leave_whoami_open_and_ada_ada(people, no_limits, frames):
    async with visit("/ws/whoami/", "ada") as ada:
        assert (await ada.hear())["username"] == "ada"
        for data in frames:
            await ada.send(data)
        await ada.say("authenticate", token=await token_of("ada"))
        answers = await ada.until("authenticated")
        codes = {answer["code"] for answer in answers[:-1]}
        assert codes <= {"invalid_message", "not_authenticated"}


@A_FEW
@given(data=FRAMES)
async def test_no_generated_first_message_lets_anybody_in(people, data):
    async with knock("/ws/whoami/") as nobody:
        await nobody.send(data)
        assert (await nobody.closed())[0] == 4401


@A_FEW
@given(token=TOKENS.map(lambda token: token.encode("ascii", "replace").decode()))
async def test_no_generated_token_lets_anybody_in(people, token):
    async with knock("/ws/whoami/", f"bearer.{token}") as nobody:
        assert await nobody.closed() == BAD_TOKEN
    async with knock("/ws/whoami/", f"ticket.{token}") as nobody:
        assert await nobody.closed() == BAD_TICKET
