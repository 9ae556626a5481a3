"""The setup steps of each provider, and the attributes it has to send.

Pure data, for the setup pages. Where the facts come from is said in docs/scim.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scim.models import Connection
from scim.rfc.attributes import ENTERPRISE, RAMP, USER_SCHEMA

Provider = Connection.Provider

ROLES = "BUSINESS_OWNER, BUSINESS_ADMIN, BUSINESS_USER, BUSINESS_BOOKKEEPER, IT_ADMIN, GUEST_USER"


@dataclass(frozen=True)
class Mapping:
    """A row of the attribute table, with the exact names on both sides."""

    field: str
    theirs: str
    ours: str
    namespace: str = ""
    is_required: bool = True


@dataclass(frozen=True, kw_only=True)
class Guide:
    """The setup guide of one provider."""

    title: str
    # The name to use in sentences.
    name: str
    summary: str
    # Further search terms for this provider.
    also: str
    cycle: str
    theirs: str
    ours: str
    # Names of buttons and fields are between asterisks.
    steps: Sequence[str]
    mappings: Sequence[Mapping]
    roles: str
    test: str
    # How to end the connection at the provider.
    ending: str

    @property
    def lines(self) -> list[list[tuple[str, bool]]]:
        """Return the steps in parts, each with whether it is the name of a button or a field."""
        return [
            [(part, bool(number % 2)) for number, part in enumerate(step.split("*"))]
            for step in self.steps
        ]


def _optional(field: str, theirs: str, ours: str, namespace: str = "") -> Mapping:
    return Mapping(field, theirs, ours, namespace, is_required=False)


OKTA = Guide(
    title="Okta",
    name="Okta",
    summary="Provision people from your Okta organization, individually or by group.",
    also="okta oin workforce identity",
    cycle="5 to 10 minutes",
    theirs="Okta profile",
    ours="External name",
    steps=(
        "In the Okta Admin Console, go to *Applications* → *Applications* and open the Okta app "
        "for Ramp. If there is none yet, choose *Browse App Catalog*, search for “SCIM 2.0 Test "
        "App (OAuth Bearer Token)”, and add it.",
        "Open the *Provisioning* tab, choose *Integration*, click *Configure API Integration* "
        "and select *Enable API integration*.",
        "Enter the base URL below and the token. A custom app asks for two more values: the "
        "unique identifier field for users is userName, and the authentication mode is *HTTP "
        "Header*.",
        "Click *Test API Credentials*. When Okta reports success, click *Save*.",
        "Choose *To App*, click *Edit*, enable *Create Users*, *Update User Attributes* and "
        "*Deactivate Users*, and click *Save*.",
        "Under *Attribute Mappings*, check that every row of the table below is present. Add "
        "missing attributes in the *Profile Editor* with *Add Attribute*: data type string, and "
        "the external name and external namespace exactly as in the table.",
        "Open the *Assignments* tab and assign people or groups. Okta sends them immediately.",
    ),
    mappings=(
        Mapping("User name", "login", "userName", USER_SCHEMA.urn),
        Mapping("First name", "firstName", "name.givenName", USER_SCHEMA.urn),
        Mapping("Last name", "lastName", "name.familyName", USER_SCHEMA.urn),
        Mapping("Email", "email", "emails.^[type=='work'].value", USER_SCHEMA.urn),
        Mapping("Department", "department", "department", ENTERPRISE.urn),
        Mapping("Location", "city", "location", RAMP.urn),
        _optional("Manager", "managerId", "manager.value", ENTERPRISE.urn),
        _optional("Role", "rampUserRole", "roles.^[type=='rampUserRole'].value", USER_SCHEMA.urn),
    ),
    roles=(
        "To assign roles explicitly, create the attribute rampUserRole, a string with one of "
        f"these values: {ROLES}. Guest is only for new people; an existing person cannot become "
        "a Guest. Without a value, a new person is a Cardholder, and existing people keep their "
        "role."
    ),
    test="Okta asks for the first two users when you click Test API Credentials.",
    ending=(
        "In the Okta app, open Provisioning → Integration, click Edit and clear Enable API "
        "integration, or deactivate the app."
    ),
)
ENTRA = Guide(
    title="Microsoft Entra",
    name="Microsoft Entra",
    summary="Provision people from your Microsoft Entra tenant (formerly Azure Active Directory).",
    also="microsoft entra id azure active directory aad office 365",
    cycle="about 40 minutes",
    theirs="Microsoft Entra attribute",
    ours="customappsso attribute",
    steps=(
        "In the Microsoft Entra admin center open *Enterprise applications*. Click *New "
        "application*, then *Create your own application*, name it Ramp, choose *Integrate "
        "any other application you don't find in the gallery*, and click *Create*.",
        "Open *Provisioning* in the application, click *Get started*, and set *Provisioning "
        "Mode* to *Automatic*.",
        "Under *Admin Credentials*, enter the base URL below as *Tenant URL* and the token as "
        "*Secret Token*.",
        "Click *Test Connection*. When Microsoft Entra reports that provisioning is authorized, "
        "click *Save*.",
        "Open *Mappings* → *Provision Microsoft Entra ID Users*. Select *Show advanced "
        "options*, click *Edit attribute list for customappsso*, and add the missing attributes "
        "of the table, each with the type String.",
        "Add or correct the mappings so that every row of the table below is present, with the "
        "same capitalization, and click *Save*.",
        "Open *Users and groups* and assign people or groups.",
        "Back in *Provisioning*, set *Provisioning Status* to *On* and click *Save*. *Provision "
        "on demand* sends one person immediately.",
    ),
    mappings=(
        Mapping("User name", "userPrincipalName", "userName"),
        Mapping("Active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")', "active"),
        Mapping("First name", "givenName", "name.givenName"),
        Mapping("Last name", "surname", "name.familyName"),
        Mapping("Email", "mail", 'emails[type eq "work"].value'),
        Mapping("Department", "department", f"{ENTERPRISE.urn}:department"),
        Mapping("Location", "city", f"{RAMP.urn}:location"),
        _optional("External id", "objectId", "externalId"),
        _optional("Manager", "manager", f"{ENTERPRISE.urn}:manager"),
        _optional("Role", "SingleAppRoleAssignment([appRoleAssignments])", "roles"),
    ),
    roles=(
        "To assign roles explicitly, open App registrations → Ramp → App roles and create the "
        "roles Admin, Cardholder, Bookkeeper, Guest and IT Admin, with the same words as "
        "values. Assign them under Users and groups. Owner is not one of them. Add roles to the "
        "attribute list as a String, not multi-valued, and map it as an expression. Without a "
        "role, a new person is a Cardholder, and existing people keep their role."
    ),
    test="Microsoft Entra looks for a user who does not exist when you click Test Connection.",
    ending=(
        "In the enterprise application, open Provisioning, set Provisioning Status to Off and "
        "click Save, or delete the application."
    ),
)
RIPPLING = Guide(
    title="Rippling",
    name="Rippling",
    summary="Provision your company's employees from Rippling.",
    also="rippling hris",
    cycle="up to 5 minutes",
    theirs="Rippling field",
    ours="SCIM attribute",
    steps=(
        "In Rippling, create a custom app, name it Ramp, and choose SCIM as a supported feature.",
        "Choose SCIM version 2.0. Enter the base URL below, and the token as the bearer token.",
        "Select *Supports Groups*, *Supports Pagination* and *Use PATCH to edit Groups*.",
        "Under *Supported SCIM Attributes*, enter every row of the table below, with the "
        "cadence *On user creation and updates*. Names are case-sensitive: userName, not "
        "username.",
        "Click *Test connection*, and continue when it succeeds.",
        "When Rippling asks about existing accounts, choose *Match existing users or create*.",
        "Choose who gets access to Ramp, and finish.",
    ),
    mappings=(
        Mapping("User name", "Work email", "userName"),
        Mapping("First name", "First name", "name.givenName"),
        Mapping("Last name", "Last name", "name.familyName"),
        Mapping("Email", "Work email", "emails.primary"),
        Mapping("Department", "User's Department name", "department", is_required=False),
        Mapping("Location", "City", "city", is_required=False),
        _optional("External id", "Employee id", "externalId"),
        _optional("Manager", "Manager's work email", "manager"),
    ),
    roles=(
        "To assign roles explicitly, send one of these values in the SCIM attribute roles: "
        "{ROLES}. Without a value, a new person is a Cardholder, and existing people keep their "
        "role."
    ),
    test="Rippling reads the service provider configuration when you click Test connection.",
    ending="In Rippling, open the custom app Ramp, choose Settings, and disconnect or delete it.",
)
GENERIC = Guide(
    title="Any SCIM 2.0 provider",
    name="your identity provider",
    summary=(
        "Provision people from any other identity provider that supports SCIM 2.0, such as "
        "JumpCloud, OneLogin, Ping, authentik or Canaille."
    ),
    also="scim jumpcloud onelogin ping pingidentity authentik canaille keycloak google other any "
    "custom generic",
    cycle="seconds to an hour",
    theirs="Value",
    ours="SCIM attribute",
    steps=(
        "At your identity provider, add an application and choose SCIM 2.0 for provisioning.",
        "Enter the base URL below, and the token as the bearer token (in the Authorization "
        "header).",
        "If it asks for the unique identifier field for users, enter userName.",
        "Map the attributes of the table below. Names are not case-sensitive.",
        "Enable creating, updating and deactivating users and pushing groups, as far as the "
        "provider offers them.",
        "Test the connection, and assign people.",
    ),
    mappings=(
        Mapping("User name", "Login name, unique", "userName"),
        Mapping("First name", "First name", "name.givenName"),
        Mapping("Last name", "Last name", "name.familyName"),
        Mapping("Email", "Work email address", 'emails[type eq "work"].value'),
        Mapping("Department", "Department name", f"{ENTERPRISE.urn}:department"),
        Mapping("Location", "City or office", f"{RAMP.urn}:location"),
        _optional("Active", "Whether the person may sign in", "active"),
        _optional("External id", "Your identifier of the person", "externalId"),
        _optional(
            "Manager", "Manager's ID, user name or email address", f"{ENTERPRISE.urn}:manager"
        ),
        _optional("Role", "One of the roles below", 'roles[type eq "rampUserRole"].value'),
    ),
    roles=(
        f"The roles are {ROLES}. Guest is only for new people; an existing person cannot become "
        "a Guest. Without a value, a new person is a Cardholder, and existing people keep their "
        "role."
    ),
    test="Most providers look for a user, or create and delete one, when you test the connection.",
    ending="At the identity provider, remove the application or turn its provisioning off.",
)
GUIDES = {
    Provider.OKTA: OKTA,
    Provider.ENTRA: ENTRA,
    Provider.RIPPLING: RIPPLING,
    Provider.GENERIC: GENERIC,
}


def search(words: str) -> list[Provider]:
    """Return the providers that somebody may mean who types these words."""
    wanted = words.casefold().split()
    return [
        provider
        for provider, guide in GUIDES.items()
        if all(word in f"{guide.title} {guide.also}".casefold() for word in wanted)
    ]
