"""Forms for a person. An operation may still refuse what they accept."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from people.models import Person
from people.models.field_table import EDITABLE, FIELDS, LABELS, PROFILE, Kind
from people.presentation.lookup_widgets import lookup_field
from people.values import PeopleError, Profile, normalize_key
from people.views.role_choices import offer_roles

# The roles that an existing person may get: only new people can be Guests.
LATER_ROLES = [role for role in Person.Role if role != Person.Role.GUEST]


def _form_field(name: str) -> forms.Field:
    """Return the form field for a field of a person."""
    column: Any = Person._meta.get_field(name)
    common: dict[str, Any] = {"label": LABELS[name].capitalize(), "required": not column.blank}
    length: dict[str, Any] = {"max_length": column.max_length}
    match FIELDS[name].kind:
        case Kind.ADDRESS:
            return forms.EmailField(widget=UnfoldAdminEmailInputWidget, **common, **length)
        case Kind.PLACE:
            return lookup_field(column, column.related_model.objects.all(), **common)
        case Kind.PERSON:
            return lookup_field(column, Person.objects.in_lists(), **common)
        case Kind.CHOICE:
            widget = UnfoldAdminSelectWidget
            return forms.ChoiceField(choices=column.choices, widget=widget, **common)
        case _:
            return forms.CharField(widget=UnfoldAdminTextInputWidget, **common, **length)


def owner_password(person: Person) -> forms.CharField:
    """Return the field in which an Owner enters their password to approve a new address."""
    return forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        max_length=1000,
        help_text="Because of their role, a new address must also be approved from "
        f"{person.email}. Enter your own password to skip this approval.",
        # Not “current-password”: a browser that fills it in would approve every change.
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


class PersonForm(forms.Form):
    """The profile of a person, to add or edit them manually."""

    # The version of the person that the form shows. The change is refused if there is a newer one.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    field_order = (*EDITABLE, "seen")

    def __init__(self, *args: Any, viewer: Person, person: Person | None = None, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields |= {name: _form_field(name) for name in EDITABLE}
        self.order_fields(self.field_order)
        kept = person.role if person else ""
        # An existing person cannot become a Guest.
        roles = [one for one in Person.Role if not person or one in (kept, *LATER_ROLES)]
        offer_roles(
            self.fields["role"], [(one.value, one) for one in roles], viewer=viewer, kept=kept
        )

    def profile(self) -> Profile:
        data = self.cleaned_data
        values: dict[str, Any] = {name: str(data[name] or "") for name in PROFILE}
        return Profile(**values)

    def say(self, error: PeopleError) -> None:
        """Show the error at its field, or above the form."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


class ReasonForm(forms.Form):
    reason = forms.CharField(
        required=False,
        max_length=500,
        help_text="Shown in the history.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class NameForm(forms.Form):
    """Asks to type a name, to confirm a change that cannot be undone."""

    name = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type the name to confirm."},
    )

    def __init__(self, data: Any = None, *, expected: str) -> None:
        super().__init__(data)
        self.expected = expected
        self.fields["name"].label = f"Type “{expected}” to confirm"

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if _comparable(name) != _comparable(self.expected):
            raise forms.ValidationError(f"The text does not match “{self.expected}”.")
        return name


def _comparable(name: str) -> str:
    return normalize_key(" ".join(name.split()))
