"""The pages: one's own conversations, and one of them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from chat import services
from chat.forms import StartForm
from chat.models import Conversation


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """List one's conversations, the latest first; POST begins one."""
    form = StartForm(request.POST if request.method == "POST" else None, me=request.user)
    if form.is_valid():
        conversation = services.start(request.user, form.cleaned_data["user"])
        return redirect("conversation", conversation.pk)
    inbox = [(one, one.other(request.user).username) for one in services.inbox(request.user)]
    context = {"form": form, "conversations": inbox}
    status = 422 if form.errors else 200
    return render(request, "chat/index.html", context, status=status)


@require_safe
def conversation(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """One conversation of one's own; other people's are as if they were not there."""
    try:
        conversation = services.find(request.user, conversation_id)
    except Conversation.DoesNotExist:
        return render(request, "chat/none.html", status=404)
    context = {"conversation": conversation, "other": conversation.other(request.user).username}
    return render(request, "chat/chat.html", context)
