"""Workouts and sets in the admin."""

from django.contrib import admin

from workouts.models import ExerciseSet, Workout


class Sets(admin.TabularInline):
    model = ExerciseSet
    extra = 0
    can_delete = False
    readonly_fields = ["exercise", "sets", "repetitions", "weight_kg", "at"]

    def has_add_permission(self, request, obj=None):
        return False


@admin.register(Workout)
class WorkoutAdmin(admin.ModelAdmin):
    list_display = ["owner", "kind", "state", "privacy", "started_at", "duration_seconds"]
    list_filter = ["kind", "state", "source", "started_at"]
    list_select_related = ["owner"]
    search_fields = ["owner__username"]
    readonly_fields = ["owner", "state", "started_at", "finished_at", "source"]
    inlines = [Sets]

    def has_add_permission(self, request):
        return False  # one begins on its owner's socket, or is a recording

    def save_model(self, request, obj, form, change):
        obj.save(update_fields=form.changed_data)  # the rest may be another by now
