"""Notifications and achievements in the admin: to look at, and to delete."""

from django.contrib import admin

from notifications.models import Achievement, Notification
from realtime.admin import LookOnlyAdmin


class Given(LookOnlyAdmin):
    """What was told to those whom it concerns."""

    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(Notification)
class NotificationAdmin(Given):
    list_display = ["user", "number", "kind", "data", "made_at", "read_at"]
    list_filter = ["kind", "made_at"]


@admin.register(Achievement)
class AchievementAdmin(Given):
    list_display = ["user", "title", "detail", "awarded_at"]
    list_filter = ["rule", "awarded_at"]
