"""The form that begins a challenge now: how long, instead of an end in a time zone."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from challenges.models import MAX_VALUE, Challenge, Metric

HOURS = {1: "an hour", 24: "a day", 168: "a week", 720: "30 days"}
UNITS = {Metric.DISTANCE: 1000, Metric.DURATION: 60, Metric.REPETITIONS: 1}  # km, minutes


class ChallengeForm(forms.ModelForm):
    hours = forms.TypedChoiceField(choices=HOURS.items(), coerce=int, initial=168)

    class Meta:
        model = Challenge
        fields = ["name", "metric", "goal", "is_public"]

    def __init__(self, *args, me, **kwargs):
        super().__init__(*args, **kwargs)
        self.instance.made_by = me
        self.fields["metric"].choices = Metric.choices  # no empty one

    def clean(self):
        given = super().clean()
        if given.get("goal") and given.get("metric"):
            unit = UNITS[given["metric"]]
            if given["goal"] * unit > MAX_VALUE:  # in what was typed: the model counts in metres
                self.add_error("goal", f"It may be {MAX_VALUE / unit:.15g} at most.")
            else:
                given["goal"] *= unit
        lasts = timedelta(hours=given.get("hours", 1))
        self.instance.starts_at = timezone.now()
        self.instance.ends_at = self.instance.starts_at + lasts
        return given
