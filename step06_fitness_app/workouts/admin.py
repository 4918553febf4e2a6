"""Workouts and sets in the admin."""

from django.contrib import admin

from realtime.admin import MadeElsewhereAdmin
from workouts.models import ExerciseSet, Workout
from workouts.services import tell_watchers


class Sets(admin.TabularInline):
    model = ExerciseSet
    extra = 0
    can_delete = False
    readonly_fields = ["exercise", "sets", "repetitions", "weight_kg", "at"]

    def has_add_permission(self, request, obj=None):
        return False


@admin.register(Workout)
class WorkoutAdmin(MadeElsewhereAdmin):  # one begins on its owner's socket, or is a recording
    list_display = ["owner", "kind", "state", "privacy", "started_at", "duration_seconds"]
    list_filter = ["kind", "state", "source", "started_at"]
    list_select_related = ["owner"]
    search_fields = ["owner__username"]
    # What was measured is not changed by hand.
    readonly_fields = ["owner", "state", "started_at", "finished_at", "source", "duration_seconds"]
    fields = ["kind", "privacy", *readonly_fields]
    inlines = [Sets]

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        tell_watchers(obj)

    def delete_model(self, request, obj):
        self.delete_queryset(request, Workout.objects.filter(pk=obj.pk))

    def delete_queryset(self, request, queryset):
        for workout in queryset:
            tell_watchers(workout)
        queryset.delete()
