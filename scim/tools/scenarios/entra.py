from dataclasses import replace
from uuid import uuid4

from scim.rfc.attributes import GROUP
from scim.tools.scenarios.steps import (
    Rehearsal,
    ScenarioUsers,
    created,
    deleted,
    found,
    group_changed,
    id_of,
    new_group,
    operation,
    patched,
    read,
    refused,
    unknown_user,
)

MICROSOFT_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def rehearse(cast: ScenarioUsers) -> Rehearsal:
    """Entra's default dialect: operations in capitals, truth as text, managers afterwards."""
    boss = cast.person("Tomas", "Berg", externalId=f"tomas.{cast.run}")
    mira = cast.person("Mira", "Okafor", externalId=f"mira.{cast.run}", roles=[])
    yield found("Test the connection", {"userName": str(uuid4())}, 0)
    yield found("Look for a new user", mira, 0)
    answer = yield created(mira)
    me = id_of(answer)
    yield read(me)
    answer = yield replace(created(boss), title="Create their manager")
    path, their_id = cast.manager_path(), id_of(answer)
    yield patched("Send the manager, in a second pass", me, operation("Add", path, their_id))
    yield refused(patched("", me, operation("Replace", path, me)))
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
    name = f"Finance {cast.run}"
    answer = yield new_group(
        "Create a group",
        {"schemas": [GROUP.core.urn, MICROSOFT_GROUP], "displayName": name, "externalId": name},
    )
    team, member = id_of(answer), [{"$ref": None, "value": me}]
    yield group_changed("Add them to the group", team, operation("Add", "members", member))
    yield group_changed("Remove them from the group", team, operation("Remove", "members", member))
    yield deleted("Delete the group", f"/Groups/{team}")
    yield deleted("Delete them", f"/Users/{me}")
    yield replace(
        read(me), title="Confirm that they are deleted", status=(404,), says={"status": "404"}
    )
    yield unknown_user()
