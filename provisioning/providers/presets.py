"""What each identity provider calls things, and where to click there to sign people in through it.

Pure data, for the pages that set a provider up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from provisioning.models import IdentityProvider

Kind = IdentityProvider.Kind


@dataclass(frozen=True, kw_only=True)
class Preset:
    title: str
    kind: str
    summary: str
    # What the form holds at first.
    initial: Mapping[str, Any] = field(default_factory=dict)
    # How its issuer looks.
    issuer: str = ""
    # What a button or a field is called there stands between asterisks.
    steps: Sequence[str] = ()
    # What to enter where it pushes the same people over SCIM.
    pairing: str = ""

    @property
    def lines(self) -> list[list[tuple[str, bool]]]:
        """Return the steps in parts, each with whether it is the name of a button or a field."""
        return [
            [(part, bool(number % 2)) for number, part in enumerate(step.split("*"))]
            for step in self.steps
        ]


PRESETS: Final[Mapping[str, Preset]] = {
    "entra": Preset(
        title="Microsoft Entra",
        kind=Kind.OIDC,
        summary="Work accounts of Microsoft 365.",
        issuer="https://login.microsoftonline.com/<directory (tenant) id>/v2.0",
        initial={
            "name": "Microsoft Entra",
            "scopes": "openid profile email",
            "groups_claim": "groups",
            "directory_kind": "graph",
            "paired_claim": "oid",
            "paired_attribute": "externalId",
        },
        steps=(
            "In the Entra admin centre, under *App registrations*, choose *New registration*; "
            "accounts *in this organizational directory only*.",
            "As *Redirect URI*, of the kind *Web*, enter the address that this page shows once "
            "the provider is saved.",
            "Copy *Application (client) ID*, and *Directory (tenant) ID* for the issuer.",
            "Under *Certificates & secrets*, make a *New client secret*, and copy its *Value*.",
            "Under *Token configuration*, choose *Add groups claim*, and *Groups assigned to the "
            "application*: with more than 200 groups Entra sends none at all.",
            "There too, *Add optional claim* → *ID* → *email*.",
        ),
        pairing="oid equals externalId, where the SCIM mapping sends objectId as externalId.",
    ),
    "google": Preset(
        title="Google",
        kind=Kind.OIDC,
        summary="Work accounts of Google Workspace.",
        issuer="https://accounts.google.com",
        initial={
            "name": "Google",
            "issuer": "https://accounts.google.com",
            "scopes": "openid profile email",
            "groups_claim": "groups",
        },
        steps=(
            "In the Google Cloud console, under *APIs & Services*, *Credentials*, choose *Create "
            "credentials*, *OAuth client ID*, *Web application*.",
            "Under *Authorized redirect URIs* enter the address that this page shows once the "
            "provider is saved.",
            "Copy *Client ID* and *Client secret*.",
            "Anybody can have a Google account. Enter the domain of your Google Workspace here as "
            "*Google Workspace domains*, so that nobody else comes in.",
            "Google sends no groups; give roles by hand, or over SCIM.",
        ),
    ),
    "okta": Preset(
        title="Okta",
        kind=Kind.OIDC,
        summary="People of your Okta organisation.",
        issuer="https://<your organisation>.okta.com",
        initial={
            "name": "Okta",
            "scopes": "openid profile email groups",
            "groups_claim": "groups",
            "directory_kind": "okta",
            "paired_claim": "sub",
            "paired_attribute": "externalId",
        },
        steps=(
            "In the Okta admin console, under *Applications*, choose *Create App Integration*, "
            "*OIDC*, *Web Application*.",
            "As *Sign-in redirect URI* enter the address that this page shows once the provider "
            "is saved; as *Sign-out redirect URI* the other one.",
            "Copy *Client ID* and *Client secret*.",
            "Under *Sign On*, *OpenID Connect ID Token*, set *Groups claim filter* to groups, "
            "*Matches regex*, .* for all of them.",
            "Under *Assignments*, assign the people or groups that may sign in.",
        ),
        pairing="sub equals externalId: both are Okta's user id.",
    ),
    "keycloak": Preset(
        title="Keycloak",
        kind=Kind.OIDC,
        summary="A realm of your own server.",
        issuer="https://<server>/realms/<realm>",
        initial={
            "name": "Keycloak",
            "adds_unverified": True,
            "scopes": "openid profile email",
            "groups_claim": "groups",
            "directory_kind": "keycloak",
            "paired_claim": "preferred_username",
            "paired_attribute": "userName",
        },
        steps=(
            "In the realm, under *Clients*, choose *Create client*, *OpenID Connect*, and switch "
            "*Client authentication* on.",
            "As *Valid redirect URIs* enter the address that this page shows once the provider "
            "is saved; as *Valid post logout redirect URIs* the other one.",
            "Under *Credentials*, copy *Client Secret*.",
            "Under *Client scopes*, in the client's own, *Add mapper* → *Group Membership*, "
            "*Token Claim Name* groups, *Full group path* off.",
        ),
        pairing="preferred_username equals userName.",
    ),
    "auth0": Preset(
        title="Auth0",
        kind=Kind.OIDC,
        summary="A tenant of Auth0.",
        issuer="https://<tenant>.auth0.com/",
        initial={
            "name": "Auth0",
            "scopes": "openid profile email",
            "groups_claim": "https://ramp.example/groups",
            "paired_claim": "sub",
            "paired_attribute": "externalId",
        },
        steps=(
            "In the dashboard, under *Applications*, choose *Create Application*, *Regular Web "
            "Application*.",
            "Under *Settings*, copy *Domain*, *Client ID* and *Client Secret*. The issuer is the "
            "domain with https:// before it and a slash after it.",
            "As *Allowed Callback URLs* enter the address that this page shows once the provider "
            "is saved; as *Allowed Logout URLs* the other one.",
            "Under *Actions*, in the *Login* flow, add one that sets the claim "
            "https://ramp.example/groups to the user's roles: Auth0 sends none by itself.",
        ),
        pairing="sub equals externalId.",
    ),
    "authentik": Preset(
        title="authentik",
        kind=Kind.OIDC,
        summary="Your own authentik server.",
        issuer="https://<server>/application/o/<application slug>/",
        initial={
            "name": "authentik",
            "adds_unverified": True,
            "scopes": "openid profile email",
            "groups_claim": "groups",
            "paired_claim": "sub",
            "paired_attribute": "externalId",
        },
        steps=(
            "In the admin interface, under *Applications*, choose *Create with provider*, "
            "*OAuth2/OpenID Provider*.",
            "As *Redirect URI*, *Strict*, enter the address that this page shows once the "
            "provider is saved.",
            "Copy *Client ID*, *Client Secret*, and *OpenID Configuration Issuer*.",
            "Set *Signing Key*: without one the tokens are signed with the secret, which is not "
            "accepted.",
            "Groups come with the scope *profile*.",
        ),
        pairing="sub equals externalId, with *Subject mode* *Based on the User's UUID*.",
    ),
    "oidc": Preset(
        title="Any OpenID Connect provider",
        kind=Kind.OIDC,
        summary="Whatever speaks OpenID Connect with discovery.",
        issuer="https://id.example.com",
        initial={"scopes": "openid profile email", "groups_claim": "groups"},
        steps=(
            "Register Ramp there as a confidential web application, with the authorization code.",
            "Enter the redirect URI that this page shows once the provider is saved.",
            "Have it send email, the names, and the groups as a list of texts.",
        ),
    ),
    "ldap": Preset(
        title="LDAP or Active Directory",
        kind=Kind.LDAP,
        summary="People type the password that the directory knows.",
        initial={
            "name": "Directory",
            "user_filter": "(uid={0})",
            "group_filter": "(member={0})",
            "start_tls": True,
        },
        steps=(
            "Make a service account there that may read people and groups, and nothing else.",
            "For Active Directory the user filter is (sAMAccountName={0}), or "
            "(userPrincipalName={0}) for whole names.",
            "Use ldaps://, or tick StartTLS; otherwise passwords travel unencrypted.",
        ),
        pairing="entryUUID or objectGUID equals externalId, or uid equals userName.",
    ),
    "windows": Preset(
        title="Windows",
        kind=Kind.WINDOWS,
        summary="Whoever is signed in to Windows is signed in here.",
        initial={"name": "Windows"},
        steps=(
            "Set the directory up first, as LDAP or Active Directory: names and groups come "
            "from there.",
            "Make an account in the domain, and give it the service principal "
            "HTTP/<the host of this page>.",
            "Write its keytab with ktpass or ktutil, with AES keys, and upload it here.",
        ),
    ),
}


def preset_of(provider: IdentityProvider) -> Preset:
    """Return what the provider was probably set up from."""
    issuer = str(provider.settings.get("issuer", ""))
    marks = {
        "entra": "login.microsoftonline.com",
        "google": "accounts.google.com",
        "okta": ".okta",
        "keycloak": "/realms/",
        "auth0": ".auth0.com",
        "authentik": "/application/o/",
    }
    key = next((key for key, mark in marks.items() if mark in issuer), provider.kind)
    return PRESETS[key]
