"""The form of OpenID Connect providers."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from provisioning.claims.groups import SEPARATORS
from provisioning.models import IdentityProvider
from provisioning.providers.config import MAX_AGE_MINUTES
from provisioning.providers.directory_apis import DIRECTORY_APIS, GROUP_KEYS
from provisioning.views.form_fields import choice_input, secret_input, text_input
from provisioning.views.provider_forms import ProviderForm

DIRECTORIES = [("", "None"), *((kind, api.title) for kind, api in DIRECTORY_APIS.items())]


class OidcForm(ProviderForm):
    kind = IdentityProvider.Kind.OIDC
    own = (
        *("issuer", "client_id", "client_secret", "scopes", "groups_claim", "groups_separator"),
        *("directory_kind", "directory_url", "directory_token", "group_key"),
    )
    authentication = ("max_age_minutes", "required_acr", "required_amr")
    restricting = (
        *("email_domains", "hosted_domains", "entra_tenants"),
        *("required_group", "required_claim"),
    )

    hosted_domains = text_input(
        "Google Workspace domains",
        "Checked against the hd claim. Separate several with commas.",
        required=False,
    )
    entra_tenants = text_input(
        "Entra directory (tenant) IDs",
        "Checked against the tid claim. Separate several with commas.",
        required=False,
    )
    required_claim = text_input("Required claim", "For example, department=Sales.", required=False)
    issuer = text_input(
        "Issuer", "Exactly as in the discovery document, including whether it ends with a slash."
    )
    client_id = text_input("Client ID")
    client_secret = secret_input("Client secret")
    scopes = text_input("Scopes", "The scopes to request. Must include openid.")
    groups_claim = text_input(
        "Groups claim", "The claim that contains the groups, or a path such as realm_access.roles."
    )
    groups_separator = choice_input(
        "If that claim is one text, its groups are separated", [*SEPARATORS.items()]
    )
    max_age_minutes = forms.IntegerField(
        label="Sign in again after (minutes)",
        required=False,
        min_value=0,
        max_value=MAX_AGE_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="The provider must have asked for credentials within this time (max_age). Leave "
        "empty for any time.",
    )
    required_acr = text_input(
        "Required acr",
        "The ID token must have one of these values. Separate several with spaces.",
        required=False,
    )
    required_amr = text_input(
        "Required amr",
        "The ID token must have all of these methods, such as mfa. Separate several with spaces.",
        required=False,
    )
    directory_kind = choice_input(
        "API for live browsing", DIRECTORIES, "Used only if directory browsing is live."
    )
    directory_url = text_input("API URL", "Leave empty to use the default URL.", required=False)
    directory_token = secret_input(
        "API token",
        "Required for Okta and SCIM. Graph and Keycloak use the client ID and client secret.",
    )
    group_key = choice_input(
        "Tokens name groups",
        [*GROUP_KEYS.items()],
        "So that a group mapped from the live directory matches those of sign-ins. If the groups "
        "claim is realm_access.roles, Keycloak's roles are listed instead.",
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
            "groups_separator": cleaned["groups_separator"],
            "directory_kind": cleaned["directory_kind"],
            "group_key": cleaned["group_key"],
            "directory_token": cleaned["directory_token"],
            "max_age_minutes": cleaned["max_age_minutes"] or 0,
            "required_acr": " ".join(cleaned["required_acr"].split()),
            "required_amr": " ".join(cleaned["required_amr"].split()),
        }
