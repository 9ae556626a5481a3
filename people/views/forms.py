"""The forms about a person; what they accept, an operation may still refuse."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from people.models import Department, Location, Person
from people.presentation.lookup_widgets import lookup_field
from people.values import PeopleError, Profile
from people.views.role_choices import offer_roles

# Everybody may get these, also who is here already.
LATER_ROLES = [role for role in Person.Role if role != Person.Role.GUEST]


def _text(label: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=200, widget=UnfoldAdminTextInputWidget)


def owner_password(person: Person) -> forms.CharField:
    """Return the field by which an Owner lets a new address of theirs count at once."""
    return forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        max_length=1000,
        help_text="Because of their role, a new address must also be approved from "
        f"{person.email}. Enter your own password to skip this approval.",
        # A browser that fills it in by itself would approve what nobody meant to.
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


class PersonForm(forms.Form):
    """What somebody says about a person by hand."""

    given_name = _text("First name")
    family_name = _text("Last name")
    email = forms.EmailField(
        label="Email address", max_length=254, widget=UnfoldAdminEmailInputWidget
    )
    role = forms.ChoiceField(choices=Person.Role.choices, widget=UnfoldAdminSelectWidget)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    field_order = (
        "given_name",
        "family_name",
        "email",
        "department",
        "location",
        "manager",
        "role",
        "seen",
    )

    def __init__(self, *args: Any, viewer: Person, person: Person | None = None, **kw: Any) -> None:
        super().__init__(*args, **kw)
        kept = person.role if person else ""
        # Nobody becomes a Guest later on.
        roles = [one for one in Person.Role if not person or one in (kept, *LATER_ROLES)]
        offer_roles(
            self.fields["role"], [(one.value, one) for one in roles], viewer=viewer, kept=kept
        )
        # The rows are the tenant's in force, so they are known only now.
        self.fields |= {
            name: lookup_field(Person._meta.get_field(name), rows, required=False)
            for name, rows in (
                ("department", Department.objects.all()),
                ("location", Location.objects.all()),
                ("manager", Person.objects.in_lists()),
            )
        }
        self.order_fields(self.field_order)

    def profile(self) -> Profile:
        said = self.cleaned_data
        return Profile(
            given_name=said["given_name"],
            family_name=said["family_name"],
            email=said["email"],
            department=str(said["department"] or ""),
            location=str(said["location"] or ""),
            role=said["role"],
        )

    def say(self, error: PeopleError) -> None:
        """Put a refusal where it belongs."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


class ReasonForm(forms.Form):
    reason = forms.CharField(
        required=False,
        max_length=500,
        help_text="Shown in the history.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class NameForm(forms.Form):
    """Asks for the name of something, so that nobody takes something away by a slip."""

    name = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )

    def __init__(self, data: Any, *, wanted: str) -> None:
        super().__init__(data)
        self.wanted = wanted
        self.fields["name"].label = f"Type “{wanted}” to continue"

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if name.casefold() != self.wanted.casefold():
            raise forms.ValidationError(f"The text does not match “{self.wanted}”.")
        return name
