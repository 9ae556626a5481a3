from dataclasses import replace

from scim.connections.presets.preset import ROLES, Guide, Mapping, Preset, optional
from scim.connections.presets.steps import (
    Cast,
    Rehearsal,
    Step,
    created,
    deleted,
    found,
    id_of,
    listed,
    new_group,
    operation,
    patched,
    read,
    refused,
    stranger,
    taken,
)
from scim.models import Connection


def _rehearse(cast: Cast) -> Rehearsal:
    """Rippling: plain JSON, mail without a type, nested objects in a PATCH."""
    cole = cast.person("Cole", "Barrett", externalId=f"rip-{cast.run}")
    cole["emails"] = [{"value": cole["userName"], "primary": True}]
    yield Step(
        title="Test the connection",
        method="GET",
        path="/ServiceProviderConfig",
        says={"patch.supported": True},
    )
    yield listed("Match existing people", "/Users?startIndex=1&count=100")
    yield found("Look for a new user", cole, 0)
    answer = yield created(cole)
    me = id_of(answer)
    yield found("Find them with the same filter", cole, 1)
    yield taken(cole)
    values = {"title": "Recruiter", "name": {"familyName": "Barrett-Lee"}}
    yield patched(
        "Change title and name", me, {"op": "replace", "value": values}, title="Recruiter"
    )
    yield refused(patched("", me, operation("replace", cast.manager_path(), me)))
    answer = yield new_group(
        "Create a group", {"displayName": f"Talent {cast.run}", "members": [{"value": me}]}
    )
    team = id_of(answer)
    yield Step(
        title="Empty the group",
        method="PUT",
        path=f"/Groups/{team}",
        body={"displayName": f"Talent {cast.run}", "members": []},
    )
    yield deleted("Delete the group", f"/Groups/{team}")
    yield patched("Deactivate them", me, operation("replace", "active", value=False), active=False)
    yield patched("Rehire them", me, operation("replace", "active", value=True), active=True)
    yield deleted("Delete them", f"/Users/{me}")
    yield replace(
        read(me), title="Confirm that they are deleted", status=(404,), says={"status": "404"}
    )
    yield stranger()


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
        Mapping("User name", "Work email", "userName"),
        Mapping("First name", "First name", "name.givenName"),
        Mapping("Last name", "Last name", "name.familyName"),
        Mapping("Email", "Work email", "emails.primary"),
        Mapping("Department", "User's Department name", "department", is_required=False),
        Mapping("Location", "City", "city", is_required=False),
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
PRESET = Preset(
    guide=_GUIDE,
    cadence="Rippling guarantees no interval; changes usually arrive within minutes.",
    incomplete=Connection.Incomplete.FILL,
    has_lasting_ids=True,
    rehearse=_rehearse,
    headers={
        "User-Agent": "Ramp self-test as Rippling",
        "Accept": "application/json",
        "Content-Type": "application/json",
    },
)
