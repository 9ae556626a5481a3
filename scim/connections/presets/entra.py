from dataclasses import replace
from uuid import uuid4

from people.models import Person
from scim.connections.presets.preset import AttributeRow, Guide, ScimPreset, optional
from scim.connections.presets.steps import (
    SampleUsers,
    SelfTestSteps,
    created,
    deleted,
    found,
    group_changed,
    id_of,
    new_group,
    operation,
    own_manager_refused,
    patched,
    read,
    wrong_token,
)
from scim.models import Connection
from scim.rfc.resource_types import ENTERPRISE, GROUP, RAMP

MICROSOFT_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def _self_test_steps(users: SampleUsers) -> SelfTestSteps:
    """Entra's default dialect: operations in capitals, truth as text, managers afterwards."""
    boss = users.person("Tomas", "Berg", externalId=f"tomas.{users.run}")
    mira = users.person("Mira", "Okafor", externalId=f"mira.{users.run}", roles=[])
    # Entra tests with a random userName, and expects 200 with no results.
    yield found("Test the connection", {"userName": str(uuid4())}, 0)
    yield found("Look for a new user", mira, 0)
    answer = yield created(mira)
    me = id_of(answer)
    yield read(me)
    answer = yield replace(created(boss), title="Create their manager")
    path, their_id = users.manager_path(), id_of(answer)
    yield patched("Send the manager, in a second pass", me, operation("Add", path, their_id))
    yield own_manager_refused(patched("", me, operation("Replace", path, me)))
    yield patched(
        "Change their name and title",
        me,
        operation("Replace", "name.familyName", "Okafor-Berg"),
        operation("Add", "title", "Controller"),
        title="Controller",
    )
    yield patched("Deactivate them", me, operation("Replace", "active", "False"), active=False)
    yield found("Find them although they are inactive", mira, 1)
    yield patched("Restore them", me, operation("Replace", "active", "True"), active=True)
    name = f"Finance {users.run}"
    answer = yield new_group(
        "Create a group",
        {"schemas": [GROUP.core.urn, MICROSOFT_GROUP], "displayName": name, "externalId": name},
    )
    # Entra sends each member with a `$ref` of null.
    team, member = id_of(answer), [{"$ref": None, "value": me}]
    yield group_changed("Add them to the group", team, operation("Add", "members", member))
    yield group_changed("Remove them from the group", team, operation("Remove", "members", member))
    yield deleted("Delete the group", f"/Groups/{team}")
    yield deleted("Delete them", f"/Users/{me}")
    yield replace(
        read(me), title="Confirm that they are deleted", status=(404,), expected={"status": "404"}
    )
    yield wrong_token()


_GUIDE = Guide(
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
        AttributeRow("User name", "userPrincipalName", "userName"),
        AttributeRow(
            "Active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")', "active"
        ),
        AttributeRow("First name", "givenName", "name.givenName"),
        AttributeRow("Last name", "surname", "name.familyName"),
        AttributeRow("Email", "mail", 'emails[type eq "work"].value'),
        AttributeRow("Department", "department", f"{ENTERPRISE.urn}:department"),
        AttributeRow("Location", "city", f"{RAMP.urn}:location"),
        optional("External id", "objectId", "externalId"),
        optional("Manager", "manager", f"{ENTERPRISE.urn}:manager"),
        optional("Role", "SingleAppRoleAssignment([appRoleAssignments])", "roles"),
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
PRESET = ScimPreset(
    guide=_GUIDE,
    cadence="Microsoft Entra sends changes about every 40 minutes.",
    incomplete=Connection.Incomplete.REFUSE,
    has_lasting_ids=True,
    # Entra never assigns the role Owner, so it has no app role.
    app_roles={
        "Admin": Person.Role.ADMIN,
        "Cardholder": Person.Role.CARDHOLDER,
        "Bookkeeper": Person.Role.BOOKKEEPER,
        "Guest": Person.Role.GUEST,
        "IT Admin": Person.Role.IT_ADMIN,
    },
    self_test_steps=_self_test_steps,
    headers={
        "User-Agent": "Ramp self-test as Microsoft Entra",
        "Content-Type": "application/scim+json",
    },
    update_operation="Add",
    deactivation=operation("Replace", "active", "False"),
)
