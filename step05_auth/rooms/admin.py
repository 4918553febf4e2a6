"""Rooms and messages in the admin."""

from django.contrib import admin

from rooms.models import Message, Room


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):
    list_display = ["name", "last_number", "made_at"]
    list_filter = ["made_at"]
    search_fields = ["name"]

    def save_model(self, request, obj, form, change):
        # The rest stays: a message may have taken the next last_number since the row was read.
        obj.save(update_fields=["name"] if change else None)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    list_display = ["room", "number", "user", "text", "sent_at"]
    list_filter = ["room", "sent_at"]
    list_select_related = ["room", "user"]
    search_fields = ["text", "user__username"]
    readonly_fields = ["room", "number"]

    def has_add_permission(self, request):
        return False  # a message takes its number in services.store
