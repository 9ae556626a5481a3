from dataclasses import replace

from scim.tools.scenarios.steps import (
    Rehearsal,
    ScenarioUsers,
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
    taken,
    unknown_user,
)


def rehearse(cast: ScenarioUsers) -> Rehearsal:
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
    yield unknown_user()
