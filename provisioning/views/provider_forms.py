"""Forms that define an identity provider, one per kind; parsed like the JSON file."""

import base64
from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from people import hooks
from provisioning.ldap import proposal
from provisioning.ldap.connection import LdapFailed
from provisioning.ldap.proposal import Proposal
from provisioning.models import IdentityProvider
from provisioning.providers import admission, config, connection_test_limits
from provisioning.providers.config import (
    PROFILE_ATTRIBUTES,
    SECRET_OF,
    Definition,
    InvalidDefinition,
    LdapSettings,
)
from provisioning.providers.directory_apis import DIRECTORY_APIS

Kind = IdentityProvider.Kind
LARGEST_KEYTAB = 64 * 1024
BROWSING = [
    (IdentityProvider.Browsing.OFF.value, "Off"),
    (IdentityProvider.Browsing.CACHED_ONLY.value, "Cached only: people who have signed in"),
    (IdentityProvider.Browsing.LIVE.value, "Live: the whole directory"),
]
DIRECTORIES = [("", "None"), *((kind, api.title) for kind, api in DIRECTORY_APIS.items())]


def _text(label: str, help_text: str = "", *, required: bool = True, **attrs: str) -> Any:
    widget = UnfoldAdminTextInputWidget(
        attrs={"spellcheck": "false", "autocomplete": "off", **attrs}
    )
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=2000, widget=widget
    )


def _tick(label: str, help_text: str = "", *, initial: bool = True) -> forms.BooleanField:
    return forms.BooleanField(
        label=label,
        help_text=help_text,
        required=False,
        initial=initial,
        widget=forms.CheckboxInput(attrs={"class": "ramp-tick"}),
    )


def _secret(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=2000,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )


class ConnectionTestForm(forms.Form):
    login = _text(
        "Test as a person",
        "Optional. The user name of somebody in the directory. No password is needed.",
        required=False,
    )


class ProviderForm(forms.Form):
    """The fields of every kind. The secret is write-only: the form never shows it."""

    kind: ClassVar[str]
    # In the order of the page; the others follow.
    own: ClassVar[tuple[str, ...]] = ()
    restricting: ClassVar[tuple[str, ...]] = ("email_domains", "required_group")

    name = _text("Name", "Shown on the sign-in page.")
    is_enabled = _tick("Show on the sign-in page")
    provisions_people = _tick(
        "Add people at their first sign-in",
        "If off, only invited, SCIM-provisioned or linked people can sign in.",
    )
    adds_unverified = _tick(
        "Also add people whose email address the provider has not verified",
        "They receive an email to confirm the address. It is not used until they do.",
        initial=False,
    )
    email_domains = _text(
        "Email domains", "For example, example.com. Separate several with commas.", required=False
    )
    required_group = _text(
        "Required group",
        "The group’s ID, or its name if the provider sends names.",
        required=False,
    )
    browsing = forms.ChoiceField(
        label="Directory browsing",
        choices=BROWSING,
        initial=IdentityProvider.Browsing.OFF,
        widget=UnfoldAdminSelectWidget,
        help_text="Which people you can look up here.",
    )
    paired_connection = forms.ChoiceField(
        label="Same directory as the SCIM connection",
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    paired_claim = _text(
        "Claim", "A claim with a value that SCIM also sends, such as oid or sub.", required=False
    )
    paired_attribute = forms.ChoiceField(
        label="Equals the SCIM attribute",
        required=False,
        choices=[("externalId", "externalId"), ("userName", "userName")],
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, provider: IdentityProvider | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider
        connections = hooks.pairing().connections()
        self.fields["paired_connection"].choices = [  # type: ignore[attr-defined]
            ("", "Not paired"),
            *connections.items(),
        ]
        if provider is None:
            del self.fields["is_enabled"]
        elif self.secret_field in self.fields and provider.secret:
            self.fields[self.secret_field].help_text = "A secret is saved. Leave empty to keep it."

    @property
    def secret_field(self) -> str:
        return SECRET_OF[self.kind]

    @property
    def common_fields(self) -> list[Any]:
        names = ("name", "is_enabled", "provisions_people", "adds_unverified", "browsing")
        return [self[name] for name in names if name in self.fields]

    @property
    def own_fields(self) -> list[Any]:
        return [self[name] for name in self.own]

    @property
    def restricting_fields(self) -> list[Any]:
        return [self[name] for name in self.restricting]

    @property
    def pairing_fields(self) -> list[Any]:
        return [self[n] for n in ("paired_connection", "paired_claim", "paired_attribute")]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("paired_connection") and not cleaned.get("paired_claim"):
            self.add_error("paired_claim", "Enter the claim that identifies the person.")
        if not self.errors:
            try:
                cleaned["definition"] = self._definition(cleaned)
            except InvalidDefinition as error:
                for problem in error.problems:
                    self.add_error(None, problem)
        return cleaned

    def _definition(self, cleaned: dict[str, Any]) -> Definition:
        secret = self.secret(cleaned)
        has_one = self.provider is not None and bool(self.provider.secret)
        document = {
            "kind": self.kind,
            "name": cleaned["name"],
            "provision_people": cleaned["provisions_people"],
            "add_unverified": cleaned["adds_unverified"],
            "restrict_to": self.restrictions(cleaned),
            "directory_browsing": cleaned["browsing"],
            "paired_with_scim": _pairing(cleaned),
            # A saved secret is represented by a placeholder while the rest is validated.
            self.secret_field: secret or ("kept" if has_one else ""),
            **self.settings(cleaned),
        }
        return replace(config.read(document), secret=secret)

    def restrictions(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        restrictions: dict[str, Any] = {name: cleaned[name].strip() for name in self.restricting}
        for name in admission.LISTS:
            if name in restrictions:
                entries = restrictions[name].split(",")
                restrictions[name] = [entry.strip() for entry in entries if entry.strip()]
        return restrictions

    def secret(self, cleaned: dict[str, Any]) -> str:
        return str(cleaned.get(self.secret_field) or "")

    def settings(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


def _pairing(cleaned: dict[str, Any]) -> dict[str, str] | None:
    if not cleaned["paired_connection"]:
        return None
    return {
        "connection": cleaned["paired_connection"],
        "claim": cleaned["paired_claim"],
        "equals": cleaned["paired_attribute"] or "externalId",
    }


class OidcForm(ProviderForm):
    kind = Kind.OIDC
    own = (
        *("issuer", "client_id", "client_secret", "scopes", "groups_claim"),
        *("directory_kind", "directory_url", "directory_token"),
    )
    restricting = (
        *("email_domains", "hosted_domains", "entra_tenants"),
        *("required_group", "required_claim"),
    )

    hosted_domains = _text(
        "Google Workspace domains",
        "Checked against the hd claim. Separate several with commas.",
        required=False,
    )
    entra_tenants = _text(
        "Entra directory (tenant) IDs",
        "Checked against the tid claim. Separate several with commas.",
        required=False,
    )
    required_claim = _text("Required claim", "For example, department=Sales.", required=False)
    issuer = _text(
        "Issuer", "Exactly as in the discovery document, including whether it ends with a slash."
    )
    client_id = _text("Client ID")
    client_secret = _secret("Client secret")
    scopes = _text("Scopes", "The scopes to request. Must include openid.")
    groups_claim = _text("Groups claim", "The claim that contains the groups.")
    directory_kind = forms.ChoiceField(
        label="API for live browsing",
        required=False,
        choices=DIRECTORIES,
        widget=UnfoldAdminSelectWidget,
        help_text="Used only if directory browsing is live.",
    )
    directory_url = _text("API URL", "Leave empty to use the default URL.", required=False)
    directory_token = _secret("API token")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "directory_token"
        ].help_text = (
            "Required for Okta and SCIM. Graph and Keycloak use the client ID and client secret."
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        is_live = cleaned.get("browsing") == IdentityProvider.Browsing.LIVE
        if is_live and not cleaned.get("directory_kind"):
            self.add_error("directory_kind", "Choose the API for live browsing.")
        return cleaned

    def settings(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        names = ("issuer", "client_id", "scopes", "groups_claim", "directory_url")
        return {name: cleaned[name].strip() for name in names} | {
            "directory_kind": cleaned["directory_kind"],
            "directory_token": cleaned["directory_token"],
        }


class LdapForm(ProviderForm):
    kind = Kind.LDAP
    # What was read from the directory, if something was left empty.
    proposal: Proposal | None = None
    own = (
        *("uri", "start_tls", "bind_dn", "bind_password", "base_dn"),
        *("user_filter", "group_base_dn", "group_filter", "attributes"),
    )

    uri = _text(
        "Server",
        "For example, ldaps://ldap.example.com, or ldap://… with StartTLS. Add the port if it is "
        "not the default. Separate several servers with blanks; the first one that answers is "
        "asked.",
    )
    start_tls = _tick("StartTLS", "Encrypts an ldap:// connection.", initial=False)
    bind_dn = _text(
        "Bind DN", "The service account. Leave empty for anonymous bind.", required=False
    )
    bind_password = _secret("Bind password")
    base_dn = _text(
        "Base DN",
        "Only people below this DN can sign in. Leave empty to read it from the directory.",
        required=False,
    )
    group_base_dn = _text(
        "Group base DN",
        "Only groups below this DN count. If empty, the base DN is used, or the whole "
        "domain in Active Directory.",
        required=False,
    )
    user_filter = _text(
        "User filter",
        "{0} is replaced by the login name. Leave empty for enabled accounts of people.",
        required=False,
    )
    group_filter = _text("Group filter", "{0} is replaced by the DN of the person.")
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

    realms = _text(
        "Realms",
        "People in these realms can sign in, for example CORP.EXAMPLE.COM. Separate several "
        "with commas.",
    )
    keytab = forms.FileField(
        label="Keytab",
        required=False,
        widget=forms.ClearableFileInput,
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
        if file.size > LARGEST_KEYTAB:
            raise forms.ValidationError("This file is too large to be a keytab.")
        return base64.b64encode(file.read()).decode()

    def settings(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        realms = [realm.strip() for realm in cleaned["realms"].split(",")]
        return {
            "realms": [realm for realm in realms if realm],
            "directory": cleaned["directory"],
        }


FORMS: dict[str, type[ProviderForm]] = {
    form.kind: form for form in (OidcForm, LdapForm, WindowsForm)
}


def initial_of(provider: IdentityProvider) -> dict[str, Any]:
    """Return the initial values of a provider's form: everything except the secret."""
    kept = dict(provider.settings)
    if "realms" in kept:
        kept["realms"] = ", ".join(kept["realms"])
    if "attributes" in kept:
        kept["attributes"] = "\n".join(f"{k} = {v}" for k, v in kept["attributes"].items())
    kept |= {
        name: ", ".join(value) if isinstance(value, list) else value
        for name, value in provider.admission.items()
    }
    return kept | {
        name: getattr(provider, name)
        for name in (
            *("name", "is_enabled", "provisions_people", "adds_unverified", "browsing"),
            *("paired_connection", "paired_claim", "paired_attribute"),
        )
    }
