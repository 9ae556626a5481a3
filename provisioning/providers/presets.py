"""Presets of identity providers: initial values and setup instructions in the provider's terms.

Only data, for the pages that add a provider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from people.presentation.setup_steps import Part, parts_of
from provisioning.models import IdentityProvider

Kind = IdentityProvider.Kind


@dataclass(frozen=True, kw_only=True)
class Preset:
    title: str
    kind: str
    summary: str
    # The initial values of the form.
    initial: Mapping[str, Any] = field(default_factory=dict)
    # An example of its issuer.
    issuer: str = ""
    # The part of an issuer that shows that it belongs to this provider.
    issuer_mark: str = ""
    # Whether anybody can create an account at the issuer, so that a restriction is required.
    is_open: bool = False
    # With the markup of `people.presentation.setup_steps`.
    steps: Sequence[str] = ()
    # How to pair it, if it also pushes the same people over SCIM; with the same markup.
    pairing: str = ""
    # The SCIM provider that has the same directory, if there is one.
    scim_provider: str = ""

    @property
    def lines(self) -> list[list[Part]]:
        return [parts_of(step) for step in self.steps]

    @property
    def pairing_parts(self) -> list[Part]:
        return parts_of(self.pairing)


PRESETS: Final[Mapping[str, Preset]] = {
    "entra": Preset(
        title="Microsoft Entra",
        kind=Kind.OIDC,
        summary="Work accounts from Microsoft 365.",
        issuer="https://login.microsoftonline.com/<directory (tenant) id>/v2.0",
        issuer_mark="login.microsoftonline.com",
        initial={
            "name": "Microsoft Entra",
            "scopes": "openid profile email",
            "groups_claim": "groups",
            "directory_kind": "graph",
            "paired_claim": "oid",
            "paired_attribute": "externalId",
        },
        steps=(
            "In the Entra admin center, under *App registrations*, choose *New registration*; "
            "accounts *in this organizational directory only*.",
            "As *Redirect URI*, of the kind *Web*, enter the redirect URI above.",
            "Copy *Application (client) ID*, and *Directory (tenant) ID* for the issuer.",
            "Under *Certificates & secrets*, create a *New client secret*, and copy its *Value*.",
            "Under *Token configuration*, choose *Add groups claim*, and *Groups assigned to the "
            "application*. For people in more than 200 groups, Entra sends no groups at all.",
            "On the same page, choose *Add optional claim* → *ID* → `email`.",
            "For several organizations, choose accounts *in any organizational directory* instead, "
            "use the issuer `https://login.microsoftonline.com/organizations/v2.0`, and enter in "
            "Ramp the tenant ID of each organization as *Entra directory (tenant) IDs*. Nobody of "
            "another organization can sign in.",
        ),
        pairing="`oid` equals `externalId`, where the SCIM mapping sends `objectId` as "
        "`externalId`.",
        scim_provider="entra",
    ),
    "google": Preset(
        title="Google",
        kind=Kind.OIDC,
        summary="Work accounts from Google Workspace.",
        issuer="https://accounts.google.com",
        issuer_mark="accounts.google.com",
        is_open=True,
        initial={
            "name": "Google",
            "issuer": "https://accounts.google.com",
            "scopes": "openid profile email",
            "groups_claim": "groups",
        },
        steps=(
            "In the Google Cloud console, under *APIs & Services*, *Credentials*, choose *Create "
            "credentials*, *OAuth client ID*, *Web application*.",
            "Under *Authorized redirect URIs* enter the redirect URI above.",
            "Copy *Client ID* and *Client secret*.",
            "Anyone can create a Google account. Enter the domain of your Google Workspace in "
            "Ramp as *Google Workspace domains*, so that nobody else can sign in.",
            "Google does not send groups. Assign roles manually or over SCIM.",
        ),
    ),
    "okta": Preset(
        title="Okta",
        kind=Kind.OIDC,
        summary="People in your Okta organization.",
        issuer="https://<your organization>.okta.com",
        issuer_mark=".okta",
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
            "As *Sign-in redirect URI* enter the redirect URI above. As *Sign-out redirect URI* "
            "enter the post-logout redirect URI.",
            "Copy *Client ID* and *Client secret*.",
            "Under *Sign On*, *OpenID Connect ID Token*, set *Groups claim filter* to `groups`, "
            "*Matches regex*, `.*` to send all groups.",
            "Under *Assignments*, assign the people or groups that may sign in.",
        ),
        pairing="`sub` equals `externalId`: both are Okta's user id.",
        scim_provider="okta",
    ),
    "keycloak": Preset(
        title="Keycloak",
        kind=Kind.OIDC,
        summary="A realm on your Keycloak server.",
        issuer="https://<server>/realms/<realm>",
        issuer_mark="/realms/",
        initial={
            "name": "Keycloak",
            "adds_unverified": True,
            "scopes": "openid profile email",
            "groups_claim": "groups",
            "directory_kind": "keycloak",
            # As the last step sets it.
            "group_key": "name",
            "paired_claim": "preferred_username",
            "paired_attribute": "userName",
        },
        steps=(
            "In the realm, under *Clients*, choose *Create client*, *OpenID Connect*, and turn on "
            "*Client authentication*.",
            "As *Valid redirect URIs* enter the redirect URI above. As *Valid post logout redirect "
            "URIs* enter the post-logout redirect URI.",
            "Under *Credentials*, copy *Client Secret*.",
            "Under *Client scopes*, open the client's own scope and choose *Add mapper* → *Group "
            "Membership*, *Token Claim Name* `groups`, *Full group path* off. If several groups "
            "have the same name, leave it on, and set *Tokens name groups* in Ramp to *By path*.",
        ),
        pairing="`preferred_username` equals `userName`.",
    ),
    "auth0": Preset(
        title="Auth0",
        kind=Kind.OIDC,
        summary="An Auth0 tenant.",
        issuer="https://<tenant>.auth0.com/",
        issuer_mark=".auth0.com",
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
            "Under *Settings*, copy *Domain*, *Client ID* and *Client Secret*. The issuer is "
            "`https://` followed by the domain and a slash.",
            "As *Allowed Callback URLs* enter the redirect URI above. As *Allowed Logout URLs* "
            "enter the post-logout redirect URI.",
            "Under *Actions*, in the *Login* flow, add an action that sets the claim "
            "`https://ramp.example/groups` to the user's roles. Auth0 does not send groups by "
            "default.",
        ),
        pairing="`sub` equals `externalId`.",
    ),
    "authentik": Preset(
        title="authentik",
        kind=Kind.OIDC,
        summary="Your authentik server.",
        issuer="https://<server>/application/o/<application slug>/",
        issuer_mark="/application/o/",
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
            "As *Redirect URI*, *Strict*, enter the redirect URI above.",
            "Copy *Client ID*, *Client Secret*, and *OpenID Configuration Issuer*.",
            "Set *Signing Key*. Without a signing key, tokens are signed with the client secret, "
            "which Ramp does not accept.",
            "The scope `profile` includes groups.",
        ),
        pairing="`sub` equals `externalId`, with *Subject mode* *Based on the User's UUID*.",
    ),
    # https://zitadel.com/docs/apis/openidoauth/claims, …/scopes, and for the settings
    # https://zitadel.com/docs/guides/manage/console/projects#role-settings
    "zitadel": Preset(
        title="Zitadel",
        kind=Kind.OIDC,
        summary="A Zitadel instance.",
        issuer="https://<instance>.zitadel.cloud",
        issuer_mark=".zitadel.",
        initial={
            "name": "Zitadel",
            "scopes": "openid profile email",
            "groups_claim": "urn:zitadel:iam:org:project:roles",
            "paired_claim": "sub",
            "paired_attribute": "externalId",
        },
        steps=(
            "In your project, under *Applications*, choose *New*, *Web*, and the authentication "
            "method *Code*.",
            "As *Redirect URIs* enter the redirect URI above. As *Post Logout URIs* enter the "
            "post-logout redirect URI.",
            "Copy *Client ID* and *Client Secret*.",
            "In the project's settings, turn on *Assert Roles on Authentication*. The userinfo "
            "response then contains the roles of the project, which you can map in Ramp like "
            "groups.",
            "Also turn on *Check authorization on Authentication*, and assign a role of the "
            "project to everyone who uses Ramp. Zitadel leaves the claim out for a person without "
            "roles, so Ramp would not notice that somebody has lost the last role.",
        ),
        pairing="`sub` equals `externalId`.",
    ),
    "oidc": Preset(
        title="OpenID Connect provider",
        kind=Kind.OIDC,
        summary="Any other provider that supports OpenID Connect discovery.",
        issuer="https://id.example.com",
        initial={"scopes": "openid profile email", "groups_claim": "groups"},
        steps=(
            "Register Ramp at the provider as a confidential web application that uses the "
            "authorization code flow.",
            "Enter the redirect URI above.",
            "Configure it to send the email address, the names, and the groups as a list of "
            "strings.",
        ),
    ),
    "active-directory": Preset(
        title="Active Directory",
        kind=Kind.LDAP,
        summary="People sign in with their Windows user name and password.",
        initial={
            "name": "Active Directory",
            "uri": "ldaps://",
            "group_filter": "(member={0})",
        },
        steps=(
            "Create a service account that can only read, such as a member of *Domain Users*. Its "
            "bind DN is its `distinguishedName`, or its user principal name.",
            "As *Server*, enter two or more domain controllers, such as `ldaps://dc1.example.com "
            "ldaps://dc2.example.com`. Ramp asks the first one that answers.",
            "Leave *Base DN* and *User filter* empty. Ramp reads them from the directory: the "
            "domain, and all enabled accounts of people in it.",
            "After adding the provider, choose *Test connection*, and test it as a person.",
        ),
        pairing="`objectGUID` equals `externalId`.",
    ),
    "ldap": Preset(
        title="LDAP",
        kind=Kind.LDAP,
        summary="People sign in with their directory password.",
        initial={
            "name": "Directory",
            "user_filter": "(uid={0})",
            "group_filter": "(member={0})",
            "start_tls": True,
        },
        steps=(
            "Create a service account that can only read people and groups.",
            "Leave *Base DN* empty to have Ramp read it from the directory.",
            "Use `ldaps://` or turn on StartTLS. Otherwise passwords are sent unencrypted.",
        ),
        pairing="`entryUUID` equals `externalId`, or `uid` equals `userName`.",
    ),
    "windows": Preset(
        title="Windows",
        kind=Kind.WINDOWS,
        summary="People who are signed in to Windows are signed in to Ramp automatically.",
        initial={"name": "Windows"},
        steps=(
            "First set up the directory as an LDAP or Active Directory provider. Names and groups "
            "come from there.",
            "Create an account in the domain, and give it the service principal name above.",
            "Create its keytab with `ktpass` or `ktutil`, with AES keys, and upload it in Ramp.",
        ),
    ),
}


def preset_of(provider: IdentityProvider) -> Preset:
    """Return the preset that matches the provider's issuer, or the one of its kind."""
    if "samaccountname" in provider.settings.get("user_filter", "").casefold():
        return PRESETS["active-directory"]
    issuer = str(provider.settings.get("issuer", ""))
    likely = (one for one in PRESETS.values() if one.issuer_mark and one.issuer_mark in issuer)
    return next(likely, PRESETS[provider.kind])
