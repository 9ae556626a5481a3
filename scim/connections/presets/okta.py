from scim.connections.presets.preset import ROLES, AttributeRow, Guide, ScimPreset, optional
from scim.connections.presets.steps import (
    SampleUsers,
    SelfTestSteps,
    Step,
    created,
    created_again,
    deleted,
    found,
    group_changed,
    id_of,
    listed,
    new_group,
    own_manager_refused,
    patched,
    put,
    read,
    with_value,
    wrong_token,
)
from scim.models import Connection
from scim.rfc.resource_types import ENTERPRISE, RAMP, USER_SCHEMA


def _self_test_steps(users: SampleUsers) -> SelfTestSteps:
    """Okta's catalogue apps: PUT for profiles, PATCH for activation and groups."""
    mira = users.person("Mira", "Okafor", externalId=f"00u{users.run}", locale="en-US")
    # Okta always sends a placeholder password and an empty list of groups.
    mira |= {"groups": [], "password": "never stored", "title": "Analyst"}
    yield listed("Test the connection", "/Users?startIndex=1&count=2")
    yield found("Look for a new user", mira, 0)
    answer = yield created(mira)
    me = id_of(answer)
    yield found("Find them with the same filter", mira, 1)
    answer = yield read(me)
    # Okta's PUT repeats the whole response to GET, including `meta` and `id`.
    changed = answer | {"title": "Senior Analyst"}
    yield put("Change their title", me, changed, {"title": "Senior Analyst"})
    yield own_manager_refused(put("", me, with_value(changed, users.manager_path(), me)))
    yield created_again(mira)
    yield patched(
        "Deactivate them", me, {"op": "replace", "value": {"active": False}}, active=False
    )
    yield patched("Reactivate them", me, {"op": "replace", "value": {"active": True}}, active=True)
    answer = yield new_group("Push a group", {"displayName": f"Finance {users.run}", "members": []})
    team = id_of(answer)
    # Okta sends the name with every change of members.
    name = {"id": team, "displayName": f"Finance {users.run}"}
    yield group_changed(
        "Add them to the group",
        team,
        {"op": "replace", "value": name},
        {"op": "add", "path": "members", "value": [{"value": me, "display": mira["userName"]}]},
    )
    yield Step(
        title="Read the group",
        method="GET",
        path=f"/Groups/{team}",
        expected={"members.0.value": me},
    )
    yield deleted("Unlink the group", f"/Groups/{team}")
    yield wrong_token()


_GUIDE = Guide(
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
        "unique identifier field for users is `userName`, and the authentication mode is *HTTP "
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
        AttributeRow("User name", "login", "userName", USER_SCHEMA.urn),
        AttributeRow("First name", "firstName", "name.givenName", USER_SCHEMA.urn),
        AttributeRow("Last name", "lastName", "name.familyName", USER_SCHEMA.urn),
        AttributeRow("Email", "email", "emails.^[type=='work'].value", USER_SCHEMA.urn),
        AttributeRow("Department", "department", "department", ENTERPRISE.urn),
        AttributeRow("Location", "city", "location", RAMP.urn),
        optional("Manager", "managerId", "manager.value", ENTERPRISE.urn),
        optional("Role", "rampUserRole", "roles.^[type=='rampUserRole'].value", USER_SCHEMA.urn),
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
PRESET = ScimPreset(
    guide=_GUIDE,
    cadence="Okta sends changes within 5 to 10 minutes.",
    incomplete=Connection.Incomplete.REFUSE,
    has_lasting_ids=True,
    self_test_steps=_self_test_steps,
    headers={
        "User-Agent": "Okta SCIM Client 1.0.0 (Ramp self-test)",
        "Accept": "application/scim+json",
        "Content-Type": "application/scim+json; charset=utf-8",
    },
    update_operation=None,
    deactivation={"op": "replace", "value": {"active": False}},
)
