"""The form that makes a room."""

from django import forms

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
