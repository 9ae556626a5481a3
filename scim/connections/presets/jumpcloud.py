"""JumpCloud: the custom SCIM identity management integration.

The steps follow JumpCloud's “Identity Management using a Custom SCIM Integration”,
https://jumpcloud.com/support/provision-and-manage-users-and-groups-in-apps-using-custom-scim-identity-management-integration.
According to it, an integration has no attribute mapping and no extensions of an application.
JumpCloud publishes no list of the attributes that it sends, so the last step names the defaults.
"""

from scim.connections.presets.preset import AttributeRow, Guide, ScimPreset, optional
from scim.models import Connection
from scim.rfc.resource_types import ENTERPRISE

_GUIDE = Guide(
    title="JumpCloud",
    name="JumpCloud",
    summary="Provision the user groups of your JumpCloud organization.",
    also="jumpcloud jump cloud",
    cycle="seconds to minutes",
    theirs="JumpCloud field",
    ours="SCIM attribute",
    steps=(
        "In the JumpCloud Admin Portal, open *SSO Applications*, click *Add New Application*, "
        "choose *Custom Application*, and select *Export users to this app (Identity Management)*. "
        "Name it Ramp and save it.",
        "Open *Identity Management* in the application, and choose the *SCIM Version* 2.0.",
        "Enter the base URL below as *Base URL* and the token as *Token Key*. As *Test User "
        "Email*, enter an address of your domain that nobody has.",
        "To push groups, select *Enable management of User Groups and Group Membership in this "
        "application*.",
        "Click *Test Connection*. When it succeeds, click *Activate*, and save.",
        "Open *User Groups*, select the groups whose members should be in Ramp, and save.",
        "JumpCloud has no attribute mapping for such an application. Fill in the department and "
        "the work address of every person there. If the review shows people without a department "
        "or location, choose default values under *When a person lacks a required field* in the "
        "SCIM settings.",
    ),
    mappings=(
        AttributeRow("User name", "Username", "userName"),
        AttributeRow("First name", "First Name", "name.givenName"),
        AttributeRow("Last name", "Last Name", "name.familyName"),
        AttributeRow("Email", "Company Email", "emails"),
        AttributeRow("Department", "Department", f"{ENTERPRISE.urn}:department"),
        AttributeRow("Location", "Work address: City", 'addresses[type eq "work"].locality'),
        optional(
            "Active", "Whether a selected group contains the person", "active", is_literal=False
        ),
    ),
    roles=(
        "JumpCloud does not send roles. Push groups, and map them to roles in the SCIM settings. "
        "Without a mapping, a new person is a Cardholder, and existing people keep their role."
    ),
    test=(
        "JumpCloud creates a user and a group when you click Test Connection, and deletes both. "
        "Nobody is invited because of it."
    ),
    ending="In JumpCloud, deactivate Identity Management of the application, or delete it.",
)
PRESET = ScimPreset(
    guide=_GUIDE,
    cadence="JumpCloud guarantees no interval; changes usually arrive within minutes.",
    # The user of the connection test has neither department nor location.
    incomplete=Connection.Incomplete.HOLD,
)
