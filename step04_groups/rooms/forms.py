"""The form that makes a room."""

from django import forms

from rooms.models import Room


class RoomForm(forms.ModelForm):
    """A name that can be a path: letters, digits, `-` and `_`; the field says so if it is not."""

    class Meta:
        model = Room
        fields = ["name"]
