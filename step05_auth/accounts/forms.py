"""The form that names somebody."""

from django import forms
from django.contrib.auth.models import User


class PersonForm(forms.Form):
    """Somebody, by username."""

    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        to_field_name="username",
        widget=forms.TextInput,
        error_messages={"invalid_choice": "There is nobody of that name."},
    )
