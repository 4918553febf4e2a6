"""The form that begins a conversation."""

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError


class StartForm(forms.Form):
    """Somebody else, by username."""

    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        to_field_name="username",
        widget=forms.TextInput,
        error_messages={"invalid_choice": "There is nobody of that name."},
    )

    def __init__(self, *args, me, **kwargs):
        super().__init__(*args, **kwargs)
        self.me = me

    def clean_user(self):
        user = self.cleaned_data["user"]
        if user == self.me:
            raise ValidationError("That is you.")
        return user
