"""The form that begins a conversation."""

from django.core.exceptions import ValidationError

from accounts.forms import PersonForm


class StartForm(PersonForm):
    """Somebody else, by username."""

    def __init__(self, *args, me, **kwargs):
        super().__init__(*args, **kwargs)
        self.me = me

    def clean_user(self):
        user = self.cleaned_data["user"]
        if user == self.me:
            raise ValidationError("That is you.")
        return user
