"""OneLogin: the app “SCIM Provisioner with SAML (SCIM v2 Enterprise)”.

The template and its macros are those of OneLogin's “Define Your SCIM User Schema”,
https://developers.onelogin.com/scim/define-user-schema, in the names of SCIM 2.0. Apps with the
template as OneLogin publishes it, in the names of SCIM 1.1, work too: see docs/scim-dialects.md.
"""

from scim.connections.presets.preset import ROLES, AttributeRow, Guide, ScimPreset, optional
from scim.models import Connection
from scim.rfc.resource_types import ENTERPRISE, RAMP

_TEMPLATE = f"""{{
  "schemas": [
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "{ENTERPRISE.urn}",
    "{RAMP.urn}"
  ],
  "userName": "{{$parameters.scimusername}}",
  "name": {{
    "givenName": "{{$user.firstname}}",
    "familyName": "{{$user.lastname}}"
  }},
  "emails": [
    {{"value": "{{$user.email}}", "type": "work", "primary": true}}
  ],
  "{ENTERPRISE.urn}": {{
    "department": "{{$user.department}}",
    "manager": {{"value": "{{$parameters.external_manager_id}}"}}
  }},
  "{RAMP.urn}": {{
    "location": "{{$user.city}}"
  }}
}}"""

_GUIDE = Guide(
    title="OneLogin",
    name="OneLogin",
    summary="Provision people from your OneLogin account, individually or by role.",
    also="onelogin one identity",
    cycle="seconds, if no approval is required",
    theirs="OneLogin macro",
    ours="SCIM attribute",
    steps=(
        "In OneLogin, open *Applications*, click *Add App*, search for “SCIM”, choose *SCIM "
        "Provisioner with SAML (SCIM v2 Enterprise)*, name it Ramp, and click *Save*.",
        "Open *Configuration*. Enter the base URL below as *SCIM Base URL* and the token as *SCIM "
        "Bearer Token*.",
        "Replace the *SCIM JSON Template* with the template below.",
        "Under *API Connection*, click *Enable*, and save.",
        "Open *Parameters*. Set *scimusername* to the email address, and *external_manager_id* to "
        "the email address or user name of the manager. Open *Groups*, and select *Include in "
        "User Provisioning*, if you want to push groups.",
        "Open *Provisioning*, select *Enable provisioning*, and clear the check boxes for admin "
        "approval of *Create user*, *Delete user* and *Update user*. Otherwise every change waits "
        "for an approval in OneLogin. For deleted users, choose *Suspend* or *Delete*.",
        "Open *Access*, choose the roles whose people should be in Ramp, and save.",
    ),
    template_name="SCIM JSON template",
    template=_TEMPLATE,
    mappings=(
        AttributeRow("User name", "{$parameters.scimusername}", "userName"),
        AttributeRow("First name", "{$user.firstname}", "name.givenName"),
        AttributeRow("Last name", "{$user.lastname}", "name.familyName"),
        AttributeRow("Email", "{$user.email}", 'emails[type eq "work"].value'),
        AttributeRow("Department", "{$user.department}", f"{ENTERPRISE.urn}:department"),
        AttributeRow("Location", "{$user.city}", f"{RAMP.urn}:location"),
        optional("Manager", "{$parameters.external_manager_id}", f"{ENTERPRISE.urn}:manager"),
        optional(
            "Role",
            "a macro or a fixed text",
            'roles[type eq "rampUserRole"].value',
            is_literal=False,
        ),
    ),
    roles=(
        "To assign roles explicitly, add roles to the template, as a list of one object with the "
        f"type rampUserRole and one of these values: {ROLES}. Without a value, a new person is a "
        "Cardholder, and existing people keep their role."
    ),
    test="OneLogin looks for a user when you enable the API connection.",
    ending="In OneLogin, open the app Ramp, and disable its provisioning, or delete the app.",
)
PRESET = ScimPreset(
    guide=_GUIDE,
    cadence="OneLogin sends a change at once, unless an administrator has to approve it there.",
    # An empty macro arrives as "", and no mapping can fill it.
    incomplete=Connection.Incomplete.HOLD,
)
