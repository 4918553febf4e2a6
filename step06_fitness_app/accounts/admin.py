"""People in the admin, with a way to put one out."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from accounts import services
from accounts.models import Login

User = get_user_model()
admin.site.unregister(User)


class ChangedOnlyAdmin(admin.ModelAdmin):
    """Save what differs from what the page showed, and not the rest: it may be another by now."""

    def formfield_for_dbfield(self, db_field, request, **options):
        if field := super().formfield_for_dbfield(db_field, request, **options):
            field.show_hidden_initial = True
        return field

    def save_model(self, request, obj, form, change):
        obj.save(update_fields=changed(obj, form) if change else None)


def changed(obj, form) -> set[str]:
    """The columns that differ from what the page showed; of a program, which saw none, all sent."""

    def was_shown(name: str) -> bool:
        initial = form[name].html_initial_name  # of a date, which is two inputs, the beginning
        return form.fields[name].disabled or any(key.startswith(initial) for key in form.data)

    columns = {field.name for field in obj._meta.concrete_fields} & form.fields.keys()
    return {name for name in columns if name in form.changed_data or not was_shown(name)}


@admin.register(User)
class UserAdmin(ChangedOnlyAdmin, DjangoUserAdmin):
    actions = ["kick"]

    @admin.action(description="Log out everywhere, and close their sockets", permissions=["change"])
    def kick(self, request, queryset):
        for user_id in queryset.values_list("pk", flat=True):
            services.end_all(user_id)
        self.message_user(request, f"{len(queryset)} logged out everywhere.")


@admin.register(Login)
class LoginAdmin(admin.ModelAdmin):
    list_display = ["user", "made_at", "ended_at"]
    list_filter = ["made_at", "ended_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = readonly_fields = ["user", "made_at", "ended_at"]  # not the id: it is the sid

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False  # to save one that has ended meanwhile would begin it anew
