"""Conversations and messages in the admin."""

from django.contrib import admin

from conversations.models import Conversation, Message


@admin.register(Conversation)
class ConversationAdmin(admin.ModelAdmin):
    list_display = ["id", "first", "second", "last_number", "started_at"]
    list_filter = ["started_at"]
    list_select_related = ["first", "second"]
    search_fields = ["first__username", "second__username"]
    readonly_fields = ["first", "second", "last_number"]

    def has_add_permission(self, request):
        return False  # two people begin one: services.start

    def has_change_permission(self, request, obj=None):
        return False  # to save one would set its numbers back to what they were when it was read


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    list_display = ["conversation", "number", "sender", "text", "sent_at"]
    list_filter = ["sent_at"]
    list_select_related = ["conversation", "sender"]
    search_fields = ["text", "sender__username"]
    readonly_fields = ["conversation", "number", "sender"]

    def has_add_permission(self, request):
        return False  # a message takes its number in services.store
