"""Challenges in the admin."""

from django.contrib import admin

from challenges.models import Challenge


@admin.register(Challenge)
class ChallengeAdmin(admin.ModelAdmin):
    list_display = ["name", "metric", "made_by", "starts_at", "ends_at", "is_public", "winner"]
    list_filter = ["metric", "is_public", "ends_at"]
    list_select_related = ["made_by", "winner"]
    search_fields = ["name", "made_by__username"]
    readonly_fields = ["made_by", "version", "winner", "dissolved_at"]

    def has_add_permission(self, request):
        return False  # its maker makes it

    def save_model(self, request, obj, form, change):
        obj.save(update_fields=form.changed_data)  # the rest may be another by now
