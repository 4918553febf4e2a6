"""Two views that are said to need ASGI, and their URLs."""

import asyncio

from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path


# --8<-- [start:views]
async def asynchronous(request: HttpRequest) -> JsonResponse:
    """An async view: Django runs it on an event loop made for this request."""
    return JsonResponse({"loop": id(asyncio.get_running_loop())})


def server_sent_events(request: HttpRequest) -> StreamingHttpResponse:
    """SSE: a plain response, sent piece by piece."""
    events = (f"data: {bpm}\n\n" for bpm in (81, 82, 83))
    return StreamingHttpResponse(events, content_type="text/event-stream")


# --8<-- [end:views]

urlpatterns = [path("async/", asynchronous), path("sse/", server_sent_events)]
