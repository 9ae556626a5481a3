"""The form of a connection's policies, with an explanation of each choice."""

from dataclasses import dataclass
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Department, Location, Person
from people.operations.ranks import may_grant
from scim.connections.presets import PRESETS
from scim.models import Connection

# The number of names in the browser's suggestions.
NAMES_OFFERED = 100


@dataclass(frozen=True)
class Choice:
    """One choice, and what choosing it means."""

    label: str
    means: str

    def __str__(self) -> str:
        return self.label


INCOMPLETE = {
    "refuse": Choice(
        "Refuse the request",
        "The provider receives an error that names the missing fields. Nobody is added or "
        "changed, and Team updates lists the error.",
    ),
    "hold": Choice(
        "Store the record and wait for the rest",
        "The provider receives a success response. The person is added and invited by the "
        "request that completes the record. Until then, Team updates lists them.",
    ),
    "fill": Choice(
        "Fill in the defaults below",
        "Missing departments and locations are filled in with these defaults. Requests without "
        "a name or an address are still refused.",
    ),
}
UNKNOWN_MANAGER = {
    "hold": Choice(
        "Add the person, and hold the invite",
        "When the manager arrives, the manager is assigned and the invite is sent "
        "automatically. Until then, Team updates lists it.",
    ),
    "reject": Choice(
        "Refuse the request",
        "Nobody is added until the provider has sent the manager first.",
    ),
}
ROLE_SOURCE = {
    "provider": Choice(
        "The provider",
        "The role it sends replaces a role assigned in Ramp. If it sends none, people keep "
        "their role.",
    ),
    "ramp": Choice(
        "Administrators of Ramp",
        "Roles are assigned in Ramp. Roles that the provider sends are ignored. New people are "
        "Cardholders.",
    ),
}
EMAIL_LINK = {
    "adopt": Choice(
        "Link them",
        "The provider's record takes precedence from then on. Owners, Admins, IT Admins and "
        "holders of elevated roles are linked only when an administrator confirms it.",
    ),
    "ask": Choice(
        "Ask an administrator",
        "The request is refused with “Email is already associated with another employee”, and "
        "Team updates lets you link them.",
    ),
}


def _choice_field(label: str, choices: dict[str, Choice]) -> forms.ChoiceField:
    items: Any = list(choices.items())
    return forms.ChoiceField(label=label, choices=items, widget=forms.RadioSelect)


def _name(label: str, offered: str) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs={"list": offered, "autocomplete": "off"})
    return forms.CharField(
        label=label,
        max_length=200,
        required=False,
        widget=widget,
        help_text=(
            "If the name does not exist yet, it is created with the first person who needs it."
        ),
    )


class PoliciesForm(forms.Form):
    incomplete_policy = _choice_field("When a person lacks a required field", INCOMPLETE)
    default_department = _name("Default department", "departments")
    default_location = _name("Default location", "locations")
    unknown_manager = _choice_field("When the manager is not in Ramp", UNKNOWN_MANAGER)
    role_source = _choice_field("Source of roles", ROLE_SOURCE)
    email_link = _choice_field("When somebody in Ramp already has the email address", EMAIL_LINK)
    mails_invites = forms.BooleanField(
        label="Email an invite to everyone who is added",
        required=False,
        help_text="If off, people join by signing in through single sign-on.",
    )

    may_assign_owner = forms.BooleanField(
        label="Allow the provider to assign the Owner role",
        required=False,
        help_text=(
            "If off, a request that makes somebody an Owner is refused with “User is not "
            "eligible to receive assigned role”. Only an Owner can change this setting."
        ),
    )

    def __init__(self, *args: Any, viewer: Person, connection: Connection, **kw: Any) -> None:
        super().__init__(*args, **kw)
        if PRESETS[connection.provider].app_roles:
            # Owner is never one of the app roles, so the setting has no effect.
            del self.fields["may_assign_owner"]
        elif not may_grant(viewer, Person.Role.OWNER):
            self.fields["may_assign_owner"].widget.attrs["disabled"] = True

    def clean_may_assign_owner(self) -> bool:
        """Keep the setting where the browser sends nothing, because the field is disabled."""
        name = "may_assign_owner"
        is_sent = self.add_prefix(name) in self.data
        if self.fields[name].widget.attrs.get("disabled") and not is_sent:
            return bool(self.get_initial_for_field(self.fields[name], name))
        return bool(self.cleaned_data[name])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("incomplete_policy") == Connection.Incomplete.FILL:
            for name in ("default_department", "default_location"):
                if name in values and not values[name]:
                    self.add_error(name, "Enter a default for people without one.")
        return values

    @property
    def departments(self) -> list[str]:
        return list(
            Department.objects.order_by("name").values_list("name", flat=True)[:NAMES_OFFERED]
        )

    @property
    def locations(self) -> list[str]:
        return list(
            Location.objects.order_by("name").values_list("name", flat=True)[:NAMES_OFFERED]
        )


def policies_form(connection: Connection, viewer: Person, data: Any = None) -> PoliciesForm:
    initial = {name: getattr(connection, name) for name in PoliciesForm.base_fields}
    return PoliciesForm(data, viewer=viewer, connection=connection, initial=initial)
