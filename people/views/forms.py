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

from people.models import Person
from people.models.field_table import EDITABLE, FIELDS, LABELS, PROFILE, Kind
from people.presentation.lookup_widgets import lookup_field
from people.values import PeopleError, Profile, normalize_key
from people.views.role_choices import offer_roles

# Everybody may get these, also who is here already.
LATER_ROLES = [role for role in Person.Role if role != Person.Role.GUEST]


def _form_field(name: str) -> forms.Field:
    """Return the form field of a person's field; the rows to choose from are the tenant's."""
    column: Any = Person._meta.get_field(name)
    usual: dict[str, Any] = {"label": LABELS[name].capitalize(), "required": not column.blank}
    longest: dict[str, Any] = {"max_length": column.max_length}
    match FIELDS[name].kind:
        case Kind.ADDRESS:
            return forms.EmailField(widget=UnfoldAdminEmailInputWidget, **usual, **longest)
        case Kind.PLACE:
            return lookup_field(column, column.related_model.objects.all(), **usual)
        case Kind.PERSON:
            return lookup_field(column, Person.objects.in_lists(), **usual)
        case Kind.CHOICE:
            widget = UnfoldAdminSelectWidget
            return forms.ChoiceField(choices=column.choices, widget=widget, **usual)
        case _:
            return forms.CharField(widget=UnfoldAdminTextInputWidget, **usual, **longest)


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

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    field_order = (*EDITABLE, "seen")

    def __init__(self, *args: Any, viewer: Person, person: Person | None = None, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.fields |= {name: _form_field(name) for name in EDITABLE}
        self.order_fields(self.field_order)
        kept = person.role if person else ""
        # Nobody becomes a Guest later on.
        roles = [one for one in Person.Role if not person or one in (kept, *LATER_ROLES)]
        offer_roles(
            self.fields["role"], [(one.value, one) for one in roles], viewer=viewer, kept=kept
        )

    def profile(self) -> Profile:
        said = self.cleaned_data
        values: dict[str, Any] = {name: str(said[name] or "") for name in PROFILE}
        return Profile(**values)

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
    """Asks for the name of what is removed or ended, so that nobody does that by accident."""

    name = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type the name to confirm."},
    )

    def __init__(self, data: Any = None, *, wanted: str) -> None:
        super().__init__(data)
        self.wanted = wanted
        self.fields["name"].label = f"Type “{wanted}” to confirm"

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if _comparable(name) != _comparable(self.wanted):
            raise forms.ValidationError(f"The text does not match “{self.wanted}”.")
        return name


def _comparable(name: str) -> str:
    return normalize_key(" ".join(name.split()))
