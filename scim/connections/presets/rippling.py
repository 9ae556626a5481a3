from dataclasses import replace

from scim.connections.presets.preset import ROLES, AttributeRow, Guide, ScimPreset, optional
from scim.connections.presets.steps import (
    SampleUsers,
    SelfTestSteps,
    Step,
    created,
    created_again,
    deleted,
    found,
    id_of,
    listed,
    new_group,
    operation,
    own_manager_refused,
    patched,
    read,
    wrong_token,
)
from scim.models import Connection


def _self_test_steps(users: SampleUsers) -> SelfTestSteps:
    """Rippling: plain JSON, mail without a type, nested objects in a PATCH."""
    cole = users.person("Cole", "Barrett", externalId=f"rip-{users.run}")
    # Rippling sends one primary address without a type.
    cole["emails"] = [{"value": cole["userName"], "primary": True}]
    yield Step(
        title="Test the connection",
        method="GET",
        path="/ServiceProviderConfig",
        expected={"patch.supported": True},
    )
    # Rippling first matches existing accounts, for which it lists all users.
    yield listed("Match existing people", "/Users?startIndex=1&count=100")
    yield found("Look for a new user", cole, 0)
    answer = yield created(cole)
    me = id_of(answer)
    yield found("Find them with the same filter", cole, 1)
    yield created_again(cole)
    values = {"title": "Recruiter", "name": {"familyName": "Barrett-Lee"}}
    yield patched(
        "Change title and name", me, {"op": "replace", "value": values}, title="Recruiter"
    )
    yield own_manager_refused(patched("", me, operation("replace", users.manager_path(), me)))
    answer = yield new_group(
        "Create a group", {"displayName": f"Talent {users.run}", "members": [{"value": me}]}
    )
    team = id_of(answer)
    yield Step(
        title="Empty the group",
        method="PUT",
        path=f"/Groups/{team}",
        body={"displayName": f"Talent {users.run}", "members": []},
    )
    yield deleted("Delete the group", f"/Groups/{team}")
    yield patched("Deactivate them", me, operation("replace", "active", value=False), active=False)
    yield patched("Rehire them", me, operation("replace", "active", value=True), active=True)
    yield deleted("Delete them", f"/Users/{me}")
    yield replace(
        read(me), title="Confirm that they are deleted", status=(404,), expected={"status": "404"}
    )
    yield wrong_token()


_GUIDE = Guide(
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
        AttributeRow("User name", "Work email", "userName"),
        AttributeRow("First name", "First name", "name.givenName"),
        AttributeRow("Last name", "Last name", "name.familyName"),
        AttributeRow("Email", "Work email", "emails.primary"),
        AttributeRow("Department", "User's Department name", "department", is_required=False),
        AttributeRow("Location", "City", "city", is_required=False),
        optional("External id", "Employee id", "externalId"),
        optional("Manager", "Manager's work email", "manager"),
    ),
    roles=(
        "To assign roles explicitly, send one of these values in the SCIM attribute roles: "
        f"{ROLES}. Without a value, a new person is a Cardholder, and existing people keep their "
        "role."
    ),
    test="Rippling reads the service provider configuration when you click Test connection.",
    ending="In Rippling, open the custom app Ramp, choose Settings, and disconnect or delete it.",
)
PRESET = ScimPreset(
    guide=_GUIDE,
    cadence="Rippling guarantees no interval; changes usually arrive within minutes.",
    incomplete=Connection.Incomplete.FILL,
    has_lasting_ids=True,
    self_test_steps=_self_test_steps,
    headers={
        "User-Agent": "Ramp self-test as Rippling",
        "Accept": "application/json",
        "Content-Type": "application/json",
    },
)
