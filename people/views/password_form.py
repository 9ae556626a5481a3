"""The form to choose a new password."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget

from people.models import Person


def _password(label: str, **options: Any) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    # A password may begin or end with spaces.
    return forms.CharField(label=label, strip=False, max_length=1000, widget=widget, **options)


class PasswordForm(forms.Form):
    password = _password("New password")
    again = _password("Confirm password")

    def __init__(self, person: Person, *data: Any) -> None:
        super().__init__(*data)
        self.person = person
        shortest = shortest_for(person)
        self.fields["password"].help_text = (
            f"At least {shortest} characters. Do not use a common password, your name or your "
            "email address."
        )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        shortest = shortest_for(self.person)
        if len(password) < shortest:
            raise ValidationError(f"This password is too short. Use {shortest} characters or more.")
        validate_password(password, self.person)
        return password

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password", again):
            raise ValidationError("The passwords do not match.")
        return again


class ChangeForm(PasswordForm):
    """Choose a new password after entering the current one."""

    current = forms.CharField(
        label="Current password",
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "current-password", "autofocus": True}
        ),
    )
    field_order = ("current", "password", "again")


def shortest_for(person: Person) -> int:
    """Return the minimum length: 15 for privileged people, 8 for others (NIST SP 800-63B-4)."""
    return 15 if person.is_administrator or person.is_operator else 8
