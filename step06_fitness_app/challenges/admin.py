"""Challenges in the admin."""

from django.contrib import admin

from accounts.services import tell_group
from challenges.models import Challenge
from realtime import groups
from realtime.admin import MadeElsewhereAdmin


@admin.register(Challenge)
class ChallengeAdmin(MadeElsewhereAdmin):  # its maker makes it
    list_display = ["name", "metric", "made_by", "starts_at", "ends_at", "is_public", "winner"]
    list_filter = ["metric", "is_public", "ends_at"]
    list_select_related = ["made_by", "winner"]
    search_fields = ["name", "made_by__username"]
    readonly_fields = ["made_by", "version", "winner", "dissolved_at"]

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        tell_group(groups.challenge(obj.pk))
