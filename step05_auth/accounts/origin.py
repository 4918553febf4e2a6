"""Which pages may open a socket here: a bare 403 for the pages of everybody else."""

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host


# --8<-- [start:origin]
class SameOriginOnly:
    """Let in the pages of this very host and port, and those of WS_ALLOWED_ORIGINS.

    A browser sends its cookies with any page's handshake; Origin says whose page it is, and no
    script can change it. AllowedHostsOriginValidator would let in every port of an allowed host,
    and the cookie goes to all of them. No Origin at all is refused too: a client that is no
    browser sends one of those allowed.
    """

    def __init__(self, application):
        self.application = application

    def __call__(self, scope, receive, send):
        application = self.application if is_allowed(scope) else WebsocketDenier()
        return application(scope, receive, send)


def is_allowed(scope) -> bool:
    """Whether the one Origin of a handshake may open a socket."""
    origin, host = the_one(b"origin", scope), the_one(b"host", scope)
    if not origin:  # also where a stray comma left an empty one among those allowed
        return False
    return origin in settings.WS_ALLOWED_ORIGINS or origin in own_origins(host)


def the_one(name: bytes, scope) -> str:
    """A header's value; empty unless it was sent exactly once."""
    values = [value for header, value in scope["headers"] if header == name]
    return values[0].decode("latin-1").lower() if len(values) == 1 else ""


def own_origins(host: str) -> set[str]:
    """The origins of a request to this Host; none if Host is not ours (Django does not look).

    Both schemes outside of production: a WebSocket's scope at Daphne does not tell them apart.
    """
    allowed = settings.ALLOWED_HOSTS
    if settings.DEBUG and not allowed:
        allowed = [".localhost", "127.0.0.1", "[::1]"]  # as Django does
    if not validate_host(split_domain_port(host)[0], allowed):
        return set()
    # A browser's Origin goes without the default port; a proxy may put it into Host.
    https, http = f"https://{host}".removesuffix(":443"), f"http://{host}".removesuffix(":80")
    return {https} if settings.HTTPS else {https, http}


# --8<-- [end:origin]
