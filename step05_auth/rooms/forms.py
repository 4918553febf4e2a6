"""The forms that make a room and add somebody to it."""

from django import forms
from django.contrib.auth.models import User

from rooms.models import Room


class RoomForm(forms.ModelForm):
    """A name that can be a path; anything else is refused with the reason."""

    class Meta:
        model = Room
        fields = ["name"]
        help_texts = {"name": "It becomes a path: letters a to z, digits, - and _ only."}
        error_messages = {
            "name": {
                "invalid": "A room's name is part of a path: use letters a to z, digits, - and _ "
                "only, no spaces, accents, dots or slashes.",
                "unique": "There is a room of that name already.",
            }
        }


class MemberForm(forms.Form):
    """Somebody to add, by username."""

    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        to_field_name="username",
        widget=forms.TextInput,
        error_messages={"invalid_choice": "There is nobody of that name."},
    )
