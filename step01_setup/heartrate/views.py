"""The polled heart rate, and what a view can tell about the server that called it."""

import base64
import http.client
import secrets
import time

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from heartrate.recording import bpm_at


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The page that polls."""
    return render(request, "heartrate/index.html")


# --8<-- [start:heart_rate]
@require_GET
@never_cache
def heart_rate(request: HttpRequest) -> JsonResponse:
    """Answer with the heart rate of this second, new or not."""
    return JsonResponse({"bpm": bpm_at(time.time())})


# --8<-- [end:heart_rate]


# --8<-- [start:server]
@require_GET
@never_cache
def server(request: HttpRequest) -> JsonResponse:
    """Say which interface called this view: an ASGI request carries its scope."""
    scope = getattr(request, "scope", None)
    if scope is None:
        version = request.META["SERVER_PROTOCOL"].removeprefix("HTTP/")
        return JsonResponse({"interface": "WSGI", "http_version": version, "scope_keys": []})
    return JsonResponse(
        {
            "interface": "ASGI",
            "http_version": scope["http_version"],
            "scope_keys": sorted(scope),
        }
    )


# --8<-- [end:server]


@require_POST
def try_socket(request: HttpRequest) -> JsonResponse:
    """Ask this very server for a WebSocket and report its answer, which a browser would hide."""
    scope = getattr(request, "scope", None)
    # Under WSGI SERVER_NAME is what the machine calls itself, which may lead elsewhere.
    host = scope["server"][0] if scope else "127.0.0.1"
    connection = http.client.HTTPConnection(host, int(request.META["SERVER_PORT"]), timeout=5)
    headers = {
        "Host": request.get_host(),
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    try:
        connection.request("GET", "/ws/heart-rate/", headers=headers)
        response = connection.getresponse()
        return JsonResponse({"status": response.status, "reason": response.reason})
    except OSError as error:
        return JsonResponse({"error": f"The server could not reach itself: {error}"}, status=502)
    finally:
        connection.close()
