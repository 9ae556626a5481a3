"""PingOne and PingFederate, which send the same attributes.

The steps follow Ping Identity's “Creating a SCIM connection”,
https://docs.pingidentity.com/r/en-us/pingone/p1_create_scim_connection, “Creating a provisioning
rule”, https://docs.pingidentity.com/r/en-us/pingone/p1_create_provisioning_rule, and “SCIM
filter expressions”, https://docs.pingidentity.com/pingone/integrations/p1_scim_filter_expressions.html.
PingFederate's fields are in
https://docs.pingidentity.com/integrations/scim/setup/pf_scim_connector_scim_connector_settings_reference.html.
The names of the target attributes are those of Ping's SCIM connector for Code42,
https://docs.pingidentity.com/r/eUGsMWf8OoiVkVtiuMwdlg/O9l48X81BCMLkHMElSRIWQ. Ping sends the core
and the enterprise schema only, so the location is the city of the work address.
"""

from scim.connections.presets.preset import AttributeRow, Guide, ScimPreset, optional
from scim.models import Connection

_GUIDE = Guide(
    title="Ping Identity",
    name="Ping Identity",
    summary="Provision people from a PingOne environment, or from PingFederate.",
    also="ping identity pingone pingfederate",
    cycle="seconds to minutes",
    theirs="PingOne attribute",
    ours="Target attribute",
    steps=(
        "In the PingOne admin console, open *Integrations* → *Provisioning*, click *+*, then *New "
        "connection*. Next to *Identity Store*, click *Select*, choose *SCIM Outbound*, and name "
        "the connection Ramp.",
        "Enter the base URL below as *SCIM base URL*, `/Users` as *Users resource* and, if you "
        "want to push groups, `/Groups` as *Groups resource*. Choose the *SCIM version* 2.0.",
        "Choose the *Authentication method* OAuth 2 Bearer Token, enter the token as *OAuth Access "
        "Token*, and choose Bearer as *Auth Type Header*.",
        "Click *Test connection*, and continue when it succeeds.",
        "Choose `userName` as *User Identifier*, with the *User Filter Expression* "
        '`userName Eq "%s"`. '
        "Allow users to be created, updated, disabled and deprovisioned, and choose *Disable* as "
        "the *Remove action*. Save the connection, and enable it.",
        "Click *+* again, then *New rule*. Choose PingOne as the source and the connection Ramp as "
        "the target, and choose who is provisioned.",
        "Open the attribute mapping of the rule, and add every row of the table below. Enable the "
        "rule.",
        "In PingFederate, enter the same values in the *SCIM provisioner* of the SP connection: "
        "*SCIM URL*, *SCIM Version* 2.0, *OAuth 2 Bearer Token*, and `userName` as *Unique User "
        "Identifier*.",
    ),
    mappings=(
        AttributeRow("User name", "Username", "userName"),
        AttributeRow("First name", "Given Name", "givenName"),
        AttributeRow("Last name", "Family Name", "familyName"),
        AttributeRow("Email", "Email Address", "workEmail"),
        AttributeRow("Department", "a custom attribute", "department", is_literal=False),
        AttributeRow("Location", "Address: Locality", "workCity"),
        optional("Active", "Enabled", "active"),
        optional("External id", "User ID", "externalId"),
        optional("Manager", "the manager's user name or email", "manager", is_literal=False),
    ),
    roles=(
        "PingOne does not send the attribute roles of SCIM. Push groups, and map them to roles in "
        "the SCIM settings. Without a mapping, a new person is a Cardholder, and existing people "
        "keep their role."
    ),
    test="PingOne reads users when you click Test connection.",
    ending="In PingOne, disable the rule and the connection Ramp, or delete them.",
)
PRESET = ScimPreset(
    guide=_GUIDE,
    cadence="Ping Identity guarantees no interval; changes usually arrive within minutes.",
    # PingOne has no attribute for the department; until one is mapped, people are incomplete.
    incomplete=Connection.Incomplete.HOLD,
)
