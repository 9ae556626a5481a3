from scim.connections.presets.preset import ROLES, AttributeRow, Guide, ScimPreset, optional
from scim.models import Connection
from scim.rfc.resource_types import ENTERPRISE, RAMP

_GUIDE = Guide(
    title="Any SCIM 2.0 provider",
    name="your identity provider",
    summary=(
        "Provision people from any other identity provider that supports SCIM 2.0, such as "
        "authentik, Keycloak, SailPoint, Saviynt, CyberArk or Canaille."
    ),
    also="scim authentik canaille keycloak google sailpoint saviynt cyberark other any custom "
    "generic",
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
        AttributeRow("User name", "Login name, unique", "userName", is_literal=False),
        AttributeRow("First name", "First name", "name.givenName", is_literal=False),
        AttributeRow("Last name", "Last name", "name.familyName", is_literal=False),
        AttributeRow(
            "Email", "Work email address", 'emails[type eq "work"].value', is_literal=False
        ),
        AttributeRow(
            "Department", "Department name", f"{ENTERPRISE.urn}:department", is_literal=False
        ),
        AttributeRow("Location", "City or office", f"{RAMP.urn}:location", is_literal=False),
        optional("Active", "Whether the person may sign in", "active", is_literal=False),
        optional("External id", "Your identifier of the person", "externalId", is_literal=False),
        optional(
            "Manager",
            "Manager's ID, user name or email address",
            f"{ENTERPRISE.urn}:manager",
            is_literal=False,
        ),
        optional(
            "Role",
            "One of the roles below",
            'roles[type eq "rampUserRole"].value',
            is_literal=False,
        ),
    ),
    roles=(
        f"The roles are {ROLES}. Guest is only for new people; an existing person cannot become "
        "a Guest. Without a value, a new person is a Cardholder, and existing people keep their "
        "role."
    ),
    test="Most providers look for a user, or create and delete one, when you test the connection.",
    ending="At the identity provider, remove the application or turn its provisioning off.",
)
PRESET = ScimPreset(
    guide=_GUIDE,
    cadence="The provider decides how soon it sends a change.",
    # JumpCloud and others create a bare user to test the connection.
    incomplete=Connection.Incomplete.HOLD,
)
