"""The forms of LDAP and Windows providers, and of the test as a person."""

import base64
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from provisioning.ldap import proposal
from provisioning.ldap.connection import LdapFailed
from provisioning.ldap.proposal import Proposal
from provisioning.models import IdentityProvider
from provisioning.providers import connection_test_limits
from provisioning.providers.config import PROFILE_ATTRIBUTES, LdapSettings
from provisioning.views.form_fields import secret_input, text_input, tick_input
from provisioning.views.provider_forms import ProviderForm

Kind = IdentityProvider.Kind
MAX_KEYTAB_SIZE = 64 * 1024


class ConnectionTestForm(forms.Form):
    login = text_input(
        "Test as a person",
        "Optional. The user name of somebody in the directory. No password is needed.",
        required=False,
    )
    stays_hidden = tick_input(
        "Do not show it on the sign-in page yet, even if the test succeeds", initial=False
    )


class LdapForm(ProviderForm):
    kind = Kind.LDAP
    # What was read from the directory, if something was left empty.
    proposal: Proposal | None = None
    own = (
        *("uri", "start_tls", "bind_dn", "bind_password", "base_dn"),
        *("user_filter", "group_base_dn", "group_filter", "attributes"),
    )

    uri = text_input(
        "Server",
        "For example, ldaps://ldap.example.com, or ldap://… with StartTLS. Add the port if it is "
        "not the default. Separate several servers with spaces; the first one that answers is "
        "asked.",
    )
    start_tls = tick_input("StartTLS", "Encrypts an ldap:// connection.", initial=False)
    bind_dn = text_input(
        "Bind DN", "The service account. Leave empty for anonymous bind.", required=False
    )
    bind_password = secret_input("Bind password")
    base_dn = text_input(
        "Base DN",
        "Only people below this DN can sign in. Leave empty to read it from the directory.",
        required=False,
    )
    group_base_dn = text_input(
        "Group base DN",
        "Only groups below this DN count. If empty, the base DN is used, or the whole "
        "domain in Active Directory.",
        required=False,
    )
    user_filter = text_input(
        "User filter",
        "{0} is replaced by the login name. Leave empty for enabled accounts of people.",
        required=False,
    )
    group_filter = text_input("Group filter", "{0} is replaced by the DN of the person.")
    attributes = forms.CharField(
        label="Attributes",
        required=False,
        max_length=5000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="List attributes that differ from the default, one per line, such as “email = "
        f"userPrincipalName”. You can set: {', '.join(PROFILE_ATTRIBUTES)}.",
    )

    def clean_attributes(self) -> dict[str, str]:
        named = {}
        for line in self.cleaned_data["attributes"].splitlines():
            name, equals, attribute = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            if not (name and equals and attribute):
                raise forms.ValidationError(
                    f"“{line.strip()}” does not have the form “email = mail”."
                )
            named[name] = attribute
        return named

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if not self.errors and not (cleaned["base_dn"] and cleaned["user_filter"]):
            self._read_directory(cleaned)
        return super().clean()

    def _read_directory(self, cleaned: dict[str, Any]) -> None:
        """Fill in what was left empty with what the directory says about itself."""
        missing = "base_dn" if not cleaned["base_dn"] else "user_filter"
        if self.provider is not None and not cleaned["bind_password"]:
            self.add_error(missing, "Enter it, or the bind password to read it from the directory.")
            return
        if not connection_test_limits.allow_test():
            self.add_error(missing, "The directory was read too often. Wait a minute.")
            return
        settings = LdapSettings(
            uri=cleaned["uri"],
            base_dn="",
            bind_dn=cleaned["bind_dn"],
            start_tls=cleaned["start_tls"],
        )
        try:
            self.proposal = proposal.read(settings, cleaned["bind_password"])
        except LdapFailed as error:
            self.add_error(missing, f"It could not be read from the directory. {error}")
            return
        cleaned["base_dn"] = cleaned["base_dn"] or self.proposal.base_dn
        cleaned["user_filter"] = cleaned["user_filter"] or self.proposal.user_filter

    def settings(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        names = (
            *("uri", "start_tls", "bind_dn", "base_dn"),
            *("user_filter", "group_base_dn", "group_filter"),
        )
        return {name: cleaned[name] for name in names} | {"attributes": cleaned["attributes"]}


class WindowsForm(ProviderForm):
    kind = Kind.WINDOWS
    own = ("realms", "keytab", "directory")

    realms = text_input(
        "Realms",
        "People in these realms can sign in, for example CORP.EXAMPLE.COM. Separate several "
        "with commas.",
    )
    keytab = forms.FileField(
        label="Keytab",
        required=False,
        widget=forms.ClearableFileInput(attrs={"class": "ramp-file"}),
    )
    directory = forms.ChoiceField(
        label="Directory",
        widget=UnfoldAdminSelectWidget,
        required=False,
        help_text="The LDAP provider that supplies names and groups.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        directories = IdentityProvider.objects.kept().filter(kind=Kind.LDAP).order_by("name_key")
        self.fields["directory"].choices = [  # type: ignore[attr-defined]
            ("", "None"),
            *[(one.name, one.name) for one in directories],
        ]

    def clean_keytab(self) -> str:
        file = self.cleaned_data["keytab"]
        if not file:
            return ""
        if file.size > MAX_KEYTAB_SIZE:
            raise forms.ValidationError("This file is too large to be a keytab.")
        return base64.b64encode(file.read()).decode()

    def settings(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        realms = [realm.strip() for realm in cleaned["realms"].split(",")]
        return {
            "realms": [realm for realm in realms if realm],
            "directory": cleaned["directory"],
        }
