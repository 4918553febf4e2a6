"""Conversations and messages in the admin."""

from django.contrib import admin

from chat.models import Conversation, Message
from realtime.admin import LookOnlyAdmin, MadeElsewhereAdmin


@admin.register(Conversation)
class ConversationAdmin(LookOnlyAdmin):  # to save one would set its last number back
    list_display = ["id", "first", "second", "last_number", "started_at"]
    list_filter = ["started_at"]
    list_select_related = ["first", "second"]
    search_fields = ["first__username", "second__username"]


@admin.register(Message)
class MessageAdmin(MadeElsewhereAdmin):  # it takes its number in services.store
    list_display = ["conversation", "number", "sender", "text", "sent_at"]
    list_filter = ["sent_at"]
    list_select_related = ["conversation", "sender"]
    search_fields = ["text", "sender__username"]
    readonly_fields = ["conversation", "number", "sender"]
