"""What the sockets of this process do, for Prometheus."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

CONNECTIONS = Gauge("pulse_connections", "Open sockets", ["consumer"])
RECEIVED = Counter("pulse_messages_received", "Frames from clients", ["consumer"])
REFUSED = Counter("pulse_refused", "Connections closed by us", ["consumer", "code"])


@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """GET with `Authorization: Bearer <METRICS_TOKEN>`. Without that setting there is no page."""
    given = request.headers.get("Authorization", "")
    expected = f"Bearer {settings.METRICS_TOKEN}"
    if not settings.METRICS_TOKEN or not constant_time_compare(given, expected):
        raise Http404
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
