"""What several apps' admins have in common."""

from django.contrib import admin


class MadeElsewhereAdmin(admin.ModelAdmin):
    """Rows that a service makes: to change, and only what was changed is saved."""

    def has_add_permission(self, request):
        return False

    def formfield_for_dbfield(self, db_field, request, **options):
        """Changed is what differs from what the page showed, not from what is stored by now."""
        if field := super().formfield_for_dbfield(db_field, request, **options):
            field.show_hidden_initial = True
        return field

    def save_model(self, request, obj, form, change):
        obj.save(update_fields=form.changed_data)  # the rest may be another by now


class LookOnlyAdmin(MadeElsewhereAdmin):
    """To look at, and to delete."""

    def has_change_permission(self, request, obj=None):
        return False
