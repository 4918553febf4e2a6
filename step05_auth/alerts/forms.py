"""The form that sends an alert. It has no field for the sender: that is who is logged in."""

from django import forms
from django.contrib.auth.models import User

from alerts import services
from alerts.groups import STAFF_GROUP, person_group, team_group
from alerts.models import Team


def everybody() -> list[tuple]:
    """Every group there is, as the choices of a select. For staff's eyes only."""
    people = User.objects.filter(is_active=True).order_by("username")
    return [
        (STAFF_GROUP, "Staff"),
        ("Teams", [(team_group(team.pk), team.name) for team in Team.objects.all()]),
        ("People", [(person_group(one.pk), one.get_username()) for one in people]),
    ]


class AlertForm(forms.Form):
    """A text, and for whom."""

    text = forms.CharField(max_length=services.MAX_LENGTH, validators=[services.check_text])
    group = forms.ChoiceField(label="To", choices=everybody)
