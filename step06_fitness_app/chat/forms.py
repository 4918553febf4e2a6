"""The form that begins a conversation."""

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from chat.services import NotLinked
from people.relations import may_talk
from people.services import visible_to


class StartForm(forms.Form):
    """Somebody else, by username."""

    user = forms.ModelChoiceField(
        User.objects.none(),
        to_field_name="username",
        widget=forms.TextInput,
        error_messages={"invalid_choice": "There is nobody of that name."},
    )

    def __init__(self, *args, me, **kwargs):
        super().__init__(*args, **kwargs)
        self.me = me
        self.fields["user"].queryset = visible_to(me)

    def clean_user(self):
        user = self.cleaned_data["user"]
        if not may_talk(self.me.pk, user.pk):
            raise ValidationError(str(NotLinked()))
        return user
