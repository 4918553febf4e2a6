"""The form that announces."""

from django import forms

from alerts import services
from alerts.groups import EVERYONE, class_group, club_group
from alerts.models import Club, FitnessClass


def levels() -> list[tuple]:
    """Every level there is, as the choices of a select."""
    classes = FitnessClass.objects.select_related("club")
    return [
        (EVERYONE, "Everyone"),
        ("Clubs", [(club_group(club.pk), club.name) for club in Club.objects.all()]),
        ("Classes", [(class_group(one.pk), f"{one} ({one.club})") for one in classes]),
    ]


class AnnounceForm(forms.Form):
    """A text, and whom to tell."""

    text = forms.CharField(max_length=services.MAX_LENGTH, validators=[services.check_text])
    level = forms.ChoiceField(label="To", choices=levels)
