"""A token that should not count: none, old, early, forged, of another kind, of nobody, too many."""

import base64
import hashlib
import hmac
import json
import os
import time
from types import SimpleNamespace
from unittest.mock import patch

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import AnonymousUser, User
from django.test import override_settings
from msgspec import Struct
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.settings import api_settings
from websockets.exceptions import InvalidMessage, InvalidStatus

from accounts.authentication import TokenAuthentication
from accounts.credentials import TokenCredential
from accounts.middleware import TokenAuthMiddleware
from tests.attacks import inside
from tests.attacks.inside import all_of
from tests.people import Closed

WHOAMI = "/ws/whoami/"
INVALID = (4401, "the token is not valid, or has expired")
NOBODY = SimpleNamespace(via="nothing", user_id=0, expires=None, check=AnonymousUser)


def encode(part: bytes | dict) -> str:
    part = json.dumps(part).encode() if isinstance(part, dict) else part
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def decode(token: str) -> dict:
    """The claims, which anybody can read."""
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))


def forged(claims: dict, key: bytes | None, alg: str) -> str:
    """A token made by hand: libraries refuse to make some of these."""
    signed = encode({"alg": alg, "typ": "JWT"}) + "." + encode(claims)
    signature = hmac.digest(key, signed.encode(), hashlib.sha256) if key else b""
    return signed + "." + encode(signature)


async def both_ways(target, username: str, token: str, removal, *args, refused=INVALID) -> dict:
    """With the defence the token is refused, just so; without it, it is that person's socket."""
    bearer = ("pulse.v1", f"bearer.{token}")
    assert await target.refusal(WHOAMI, *bearer) == refused
    with target.without(removal, *args):
        gained = await target.first_frame(WHOAMI, *bearer)
    assert gained.items() >= {"type": "whoami", "username": username, "via": "subprotocol"}.items()
    return gained


# Nothing at all


def quick():
    return override_settings(AUTHENTICATE_WITHIN=0.1)


def let_in_nobody():
    return patch("accounts.middleware.from_handshake", lambda scope: NOBODY)


async def test_nobody_gets_no_socket(target):
    with target.without(quick):
        refused = await target.refusal(WHOAMI)
    assert refused == (4401, "log in, or send a token as the first message")
    with target.without(let_in_nobody):
        gained = await target.first_frame(WHOAMI)
    assert gained == {"type": "whoami", "user_id": None, "username": "", "via": "nothing"}


# Times


def no_clock():
    """PyJWT looks at `exp`, simplejwt once more, and each recheck."""
    return all_of(
        patch("jwt.api_jwt.PyJWT._validate_exp"),
        patch("rest_framework_simplejwt.tokens.Token.check_exp"),
        patch("accounts.credentials.time", lambda: 0),
        patch("realtime.consumers.PersonConsumer.wake"),  # it would look on and on
    )


def no_nbf():
    return patch("jwt.api_jwt.PyJWT._validate_nbf")


async def test_an_expired_token_is_no_token(target, someone):
    username = someone()
    token = target.call(inside.access, username, {"exp": int(time.time()) - 5})
    await both_ways(target, username, token, no_clock)


async def test_a_token_is_not_used_before_its_time(target, someone):
    username = someone()
    token = target.call(inside.access, username, {"nbf": int(time.time()) + 60})
    await both_ways(target, username, token, no_nbf)


# Signatures


def no_signature():
    return patch("jwt.api_jws.PyJWS._verify_signature")


def none_is_an_algorithm():
    """As in the libraries of 2015, which believed the token about how to check the token."""
    from jwt.api_jws import PyJWS

    check = PyJWS._verify_signature

    def believe(self, signing_input, header, *args, **kwargs):
        if header["alg"] != "none":
            check(self, signing_input, header, *args, **kwargs)

    return patch("jwt.api_jws.PyJWS._verify_signature", believe)


async def test_a_token_of_another_key_is_no_token(target, someone):
    username = someone()
    claims = decode(target.call(inside.access, username))
    await both_ways(target, username, forged(claims, b"guessed" * 5, "HS256"), no_signature)


async def test_a_changed_token_is_no_token(target, someone):
    attacker, victim = someone(), someone()
    header, claims, signature = target.call(inside.access, attacker).split(".")
    stolen = decode(target.call(inside.access, victim))  # its claims, not its signature
    await both_ways(target, victim, f"{header}.{encode(stolen)}.{signature}", no_signature)


@pytest.mark.parametrize("alg", ["none", "None", "nOnE"])
async def test_alg_none_is_no_signature(target, someone, alg):
    """Refused by the list of one algorithm that simplejwt hands to PyJWT. (That list lost, PyJWT's
    own `none` still verifies nothing: it needs a library that takes it, as some did.)"""
    username = someone()
    token = forged(decode(target.call(inside.access, username)), None, alg)
    if alg == "none":
        await both_ways(target, username, token, none_is_an_algorithm)
    else:  # no library ever took these; some filters for "none" let them through
        assert await target.refusal(WHOAMI, "pulse.v1", f"bearer.{token}") == INVALID
        with target.without(no_signature):
            assert (await target.first_frame(WHOAMI, f"bearer.{token}"))["username"] == username


def with_rsa(private: str, public: str, *lost: str):
    """A server whose tokens are signed with RS256, and some of its defences lost.

    `list`: it takes HS256 as well. `prepare`: PyJWT takes a public key as an HMAC secret.
    """

    class Careless(TokenBackend):
        def decode(self, token, verify=True):
            try:
                return jwt.decode(token, public, algorithms=["RS256", "HS256"])
            except jwt.PyJWTError as problem:  # InvalidKeyError too, which simplejwt lets through
                raise TokenBackendError(str(problem)) from None

    backend = (Careless if "list" in lost else TokenBackend)("RS256", private, public)
    contexts = [patch("rest_framework_simplejwt.state.token_backend", backend)]
    if "prepare" in lost:
        path = "jwt.algorithms.HMACAlgorithm.prepare_key"
        contexts.append(patch(path, lambda self, key: key.encode()))
    return all_of(*contexts)


async def test_the_public_key_is_no_secret(target, someone):
    """HS256 with RS256's public key as the secret. Two defences, each enough alone: simplejwt names
    the one algorithm it takes, and PyJWT refuses a public key as an HMAC secret."""
    username = someone()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public_format = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(pem, public_format).decode()
    claims = decode(target.call(inside.access, username))
    bearer = f"bearer.{forged(claims, public.encode(), 'HS256')}"

    with target.without(with_rsa, private, public):
        honest = target.call(inside.access, username)  # so the server does take RS256
        assert (await target.first_frame(WHOAMI, f"bearer.{honest}"))["username"] == username
    for lost in ([], ["prepare"], ["list"]):
        with target.without(with_rsa, private, public, *lost):
            assert await target.refusal(WHOAMI, bearer) == INVALID, lost
    with target.without(with_rsa, private, public, "list", "prepare"):
        assert (await target.first_frame(WHOAMI, bearer))["username"] == username


# Kinds


def any_kind():
    return patch("rest_framework_simplejwt.tokens.Token.verify_token_type")


async def test_a_refresh_token_opens_nothing(target, someone):
    username = someone()
    token = target.call(inside.tokens, username)["refresh"]
    await both_ways(target, username, token, any_kind)


# People


def setting(name: str, value):
    return patch.object(api_settings, name, value)


def believe_the_claims():
    """As simplejwt's JWTStatelessUserAuthentication: whoever the token says, without a look."""
    claimed = lambda self, token: User(pk=int(token["user_id"]), username="whoever")  # noqa: E731
    return patch("accounts.authentication.TokenAuthentication.get_user", claimed)


def deactivate(username: str) -> None:
    User.objects.filter(username=username).update(is_active=False)


def delete(username: str) -> None:
    User.objects.get(username=username).delete()


def change_password(username: str) -> None:
    user = User.objects.get(username=username)
    user.set_unusable_password()  # its text is random: another hash, without the time of one
    user.save()


async def test_an_inactive_users_token_is_no_token(target, someone):
    username = someone()
    token = target.call(inside.access, username)
    target.call(deactivate, username)
    await both_ways(target, username, token, setting, "CHECK_USER_IS_ACTIVE", False)


async def test_a_deleted_users_token_is_no_token(target, someone):
    username = someone()
    token = target.call(inside.access, username)
    target.call(delete, username)
    gained = await both_ways_whoever(target, token)
    assert str(gained["user_id"]) == str(decode(token)["user_id"])


async def both_ways_whoever(target, token: str) -> dict:
    return await both_ways(target, "whoever", token, believe_the_claims)


async def test_a_token_from_before_the_password_changed_is_no_token(target, someone):
    username = someone()
    token = target.call(inside.access, username)
    target.call(change_password, username)
    await both_ways(target, username, token, setting, "CHECK_REVOKE_TOKEN", False)


# Claims


def any_login():
    return patch("accounts.services.holders", lambda sid: User.objects.all())


def no_exp():
    return all_of(
        patch("rest_framework_simplejwt.tokens.Token.check_exp"),
        patch.object(TokenCredential, "expires", 1),
        patch("accounts.credentials.time", lambda: 0),
        patch("realtime.consumers.PersonConsumer.wake"),
    )


MISSING = {
    "sid": (any_login,),
    "jti": (setting, "JTI_CLAIM", None),
    "token_type": (any_kind,),
    "exp": (no_exp,),
}


@pytest.mark.parametrize("claim", MISSING)
async def test_a_token_without_a_claim_is_no_token(target, someone, claim):
    username = someone()
    token = target.call(inside.access, username, {claim: None})
    await both_ways(target, username, token, *MISSING[claim])


def take_user_id_as_given():
    """Without a question whether it is there."""

    def read(raw, via):
        token = TokenAuthentication().get_validated_token(raw.encode())
        return TokenCredential(token, token.get("user_id"), via)

    naive = lambda self, token: User.objects.get(pk=token["user_id"])  # noqa: E731
    return all_of(
        patch.object(TokenCredential, "read", read),
        patch("accounts.authentication.TokenAuthentication.get_user", naive),
    )


async def test_a_token_of_nobody_is_no_token_and_no_crash(target, someone):
    bearer = f"bearer.{target.call(inside.access, someone(), {'user_id': None})}"
    assert await target.refusal(WHOAMI, bearer) == INVALID
    with target.without(take_user_id_as_given):
        with pytest.raises(Closed) as crash:
            await target.first_frame(WHOAMI, bearer)
        assert crash.value.code == 1011


@pytest.mark.parametrize("sid", ["", "x", "' OR 1=1 --", 7, [], "\0"])
async def test_a_sid_that_names_no_log_in_is_none(target, someone, sid):
    username = someone()
    token = target.call(inside.access, username, {"sid": sid})
    await both_ways(target, username, token, any_login)


async def test_a_log_in_of_somebody_else_is_none(target, someone):
    username, other = someone(), someone()
    sid = decode(target.call(inside.access, other))["sid"]
    token = target.call(inside.access, username, {"sid": sid})
    await both_ways(target, username, token, any_login)


# Headers made to break the one who reads them


def read_carelessly():
    """TokenCredential.read without its `except`."""

    def read(raw, via):
        return TokenCredential(TokenAuthentication().get_validated_token(raw.encode()), via)

    return patch("accounts.credentials.TokenCredential.read", read)


ODD = {
    "empty": "",
    "dots": "..",
    "no-parts": "null",
    "no-base64": "a.b.c",
    "no-header": encode(b"{}") + ".e30.AAAA",
    "header-is-a-list": encode(b"[]") + ".e30.AAAA",
    "header-is-a-long-number": encode(b"9" * 5000) + ".e30.AAAA",
    "header-is-deep": encode(b'{"alg":' + b"[" * 5000 + b"]" * 5000 + b"}") + ".e30.AAAA",
    "alg-is-a-list": encode({"alg": []}) + ".e30.AAAA",
    "alg-is-unknown": encode({"alg": "HS257"}) + ".e30.AAAA",
}


@pytest.mark.parametrize("token", ODD.values(), ids=ODD)
async def test_what_is_no_token_is_refused_and_no_crash(target, token):
    bearer = ("pulse.v1", f"bearer.{token}")
    assert await target.refusal(WHOAMI, *bearer) == INVALID
    with target.without(read_carelessly):
        with pytest.raises(InvalidStatus) as crash:
            await target.first_frame(WHOAMI, *bearer)
        assert crash.value.response.status_code == 500


# How it is carried


def query_on():
    return override_settings(WS_TOKEN_IN_QUERY=True)


def query_split_by_hand():
    """As tutorials do."""

    def find(scope):
        text = scope["query_string"].decode()
        fields = dict(field.split("=") for field in text.split("&"))
        return "query", fields["token"]

    return patch("accounts.carriers.find", find)


async def test_a_token_in_the_query_is_not_taken_unless_asked_for(target, someone):
    username = someone()
    path = f"{WHOAMI}?token={target.call(inside.access, username)}"
    refused = await target.refusal(path)
    assert refused == (4401, "tokens in the query string are not taken here")
    with target.without(query_on):
        gained = await target.first_frame(path)
    assert (gained["username"], gained["via"]) == (username, "query")


@pytest.mark.parametrize("value", ["a=b=c", "=", "%3D", "a%3Db", "%FF%FE", "%00", "%ED%A0%80", ""])
async def test_an_odd_query_is_no_crash(target, value):
    path = f"{WHOAMI}?token={value}"
    with target.without(query_on):
        assert await target.refusal(path) == INVALID
    if value == "a=b=c":
        with target.without(query_split_by_hand):
            with pytest.raises(InvalidStatus) as crash:
                await target.first_frame(path)
            assert crash.value.response.status_code == 500


async def test_a_token_in_the_query_is_logged_by_the_next_plain_request(target, someone):
    """Why it is off: the same address without an upgrade (a proxy that forgot the header, a paste
    into the address bar) and the server's own access log has the token. No other way leaks so."""
    token = target.call(inside.access, someone())
    since = len(target.output)
    async with httpx.AsyncClient() as client:
        answer = await client.get(target.url(f"{WHOAMI}?token={token}"))
        assert answer.status_code == 404
        target.wait_for(r"GET /ws/whoami/\?token=" + token, since=since)
        since = len(target.output)
        carried = {"Sec-WebSocket-Protocol": f"bearer.{token}"}
        assert (await client.get(target.url(f"{WHOAMI}?as"), headers=carried)).status_code == 404
    assert token not in target.wait_for(r"(?s).*GET /ws/whoami/\?as", since=since)[0]


def take_the_last():
    """Whichever is found last, as with a dictionary."""
    from accounts import carriers, tickets

    def find(scope):
        found = [("subprotocol", token) for token in carriers.from_subprotocol(scope, "bearer.")]
        for ticket in carriers.from_subprotocol(scope, "ticket."):
            found.append(("ticket", tickets.claim(ticket)))
        return found[-1]

    return patch("accounts.carriers.find", find)


@pytest.mark.parametrize("second", ["bearer", "ticket"])
async def test_two_credentials_are_none(target, someone, second):
    first, other = someone(), someone()
    carried = [f"bearer.{target.call(inside.access, first)}"]
    makes = inside.access if second == "bearer" else inside.ticket
    carried.append(f"{second}.{target.call(makes, other)}")
    assert await target.refusal(WHOAMI, *carried) == (4401, "more than one credential")
    with target.without(take_the_last):
        assert (await target.first_frame(WHOAMI, *carried))["username"] == other


async def test_a_token_in_the_query_and_one_beside_it_are_none(target, someone):
    first, other = (target.call(inside.access, someone()) for _ in range(2))
    path = f"{WHOAMI}?token={first}"
    with target.without(query_on):
        for carried in (path, f"bearer.{other}"), (f"{path}&token={other}",):
            assert await target.refusal(*carried) == (4401, "more than one credential")


def fall_back():
    """Whoever has no good token may still have a cookie."""
    from django.conf import settings

    from accounts import middleware
    from accounts.credentials import CookieCredential, NotAuthenticated

    strict = middleware.from_handshake

    def from_handshake(scope):
        try:
            return strict(scope)
        except NotAuthenticated:
            return CookieCredential.read(scope["cookies"][settings.SESSION_COOKIE_NAME])

    return all_of(
        patch("accounts.middleware.from_handshake", from_handshake),
        patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="1"),  # a token is read in the loop
    )


async def test_a_bad_token_is_not_made_good_by_a_cookie(target, someone):
    username = someone()
    cookie = target.call(inside.cookie, username)
    assert await target.refusal(WHOAMI, "bearer.bad", cookie=cookie) == INVALID
    with target.without(fall_back):
        gained = await target.first_frame(WHOAMI, "bearer.bad", cookie=cookie)
    assert (gained["username"], gained["via"]) == (username, "session")


# Too long


def long_headers():
    return all_of(
        patch("twisted.web.http.HTTPChannel.totalHeadersSize", 200_000),
        patch("twisted.web.http.HTTPChannel.MAX_LENGTH", 200_000, create=True),
        query_on(),
    )


def long_first_message():
    class Authenticate(Struct, tag_field="type", tag="authenticate"):
        token: str

    from realtime.messages import Ping, decoder

    return all_of(
        patch("accounts.middleware.Authenticate", Authenticate),
        patch("accounts.middleware.decode", decoder(Authenticate | Ping)),
    )


@pytest.fixture(scope="module")
def long_one(target) -> tuple[str, str]:
    """A token of 64 KiB, good in every other way, and whose it is."""
    target.call(inside.person, "longest")
    return "longest", target.call(inside.access, "longest", {"padding": "x" * 48 * 1024})


@pytest.mark.parametrize("carried", ["subprotocol", "query"])
async def test_64_kib_of_headers_do_not_get_in(target, long_one, carried):
    """Twisted's limit of 16 KiB for a request's head: it answers 400 and hangs up, and whoever is
    still sending may see the second only."""
    username, token = long_one
    assert len(token) > 64 * 1024
    if carried == "query":
        way = (f"{WHOAMI}?token={token}",)
    else:
        way = (WHOAMI, "pulse.v1", f"bearer.{token}")
    with pytest.raises((InvalidStatus, InvalidMessage, ConnectionError)) as refused:
        await target.first_frame(*way)
    if isinstance(refused.value, InvalidStatus):
        assert refused.value.response.status_code == 400
    with target.without(long_headers):
        gained = await target.first_frame(*way)
    assert (gained["username"], gained["via"]) == (username, carried)


async def test_64_kib_as_the_first_message_do_not_get_in(target, long_one):
    username, token = long_one
    async with target.socket(WHOAMI) as attacker:
        await attacker.say("authenticate", token=token)
        assert await attacker.closed() == (4401, "the first message is not an `authenticate`")
    with target.without(long_first_message):
        async with target.socket(WHOAMI) as attacker:
            await attacker.say("authenticate", token=token)
            assert (await attacker.hear())["username"] == username


# When the server itself is not well


def let_in_whoever_cannot_be_checked():
    """`except Exception: scope["user"] = AnonymousUser()`, as many do."""
    strict = TokenCredential.check

    def check(self):
        try:
            return strict(self)
        except Exception:
            return SimpleNamespace(pk=None, username="nobody")

    return patch.object(TokenCredential, "check", check)


def outage(removal: str | None = None):
    careless = [let_in_whoever_cannot_be_checked()] if removal else []
    return all_of(inside.database_is_away(), *careless)


@pytest.mark.parametrize("carried", ["token", "cookie"])
async def test_a_database_outage_makes_nobody_anonymous(target, someone, carried):
    """A session is looked for before the socket is accepted, who a token is of after that."""
    username = someone()
    if carried == "token":
        way, sent = [f"bearer.{target.call(inside.access, username)}"], {}
    else:
        way, sent = [], {"cookie": target.call(inside.cookie, username)}
    with target.without(outage), pytest.raises((InvalidStatus, Closed)) as refused:
        await target.first_frame(WHOAMI, *way, **sent)
    if carried == "cookie":
        assert refused.value.response.status_code == 500
    else:
        assert refused.value.code == 1011
        with target.without(outage, "careless"):
            gained = await target.first_frame(WHOAMI, *way)
        assert gained["username"] == "nobody"


def no_copy():
    return patch("accounts.middleware.dict", lambda scope: scope, create=True)


@pytest.mark.django_db
async def test_the_callers_scope_is_not_changed():
    """A scope that the middleware wrote to would carry the person wherever else it is used."""

    async def application(scope, receive, send):
        assert scope["credential"] == "ada's"

    async def called_with() -> dict:
        scope = {"subprotocols": []}
        with patch("accounts.middleware.from_handshake", lambda scope: "ada's"):
            await TokenAuthMiddleware(application)(scope, None, None)
        return scope

    assert await called_with() == {"subprotocols": []}
    with no_copy():
        assert await called_with() == {"subprotocols": [], "credential": "ada's"}
