from scim.tools.scenarios.steps import (
    Rehearsal,
    ScenarioUsers,
    Step,
    created,
    deleted,
    found,
    group_changed,
    id_of,
    listed,
    new_group,
    patched,
    placed,
    put,
    read,
    refused,
    taken,
    unknown_user,
)


def rehearse(cast: ScenarioUsers) -> Rehearsal:
    """Okta's catalogue apps: PUT for profiles, PATCH for activation and groups."""
    mira = cast.person("Mira", "Okafor", externalId=f"00u{cast.run}", locale="en-US")
    mira |= {"groups": [], "password": "never stored", "title": "Analyst"}
    yield listed("Test the connection", "/Users?startIndex=1&count=2")
    yield found("Look for a new user", mira, 0)
    answer = yield created(mira)
    me = id_of(answer)
    yield found("Find them with the same filter", mira, 1)
    answer = yield read(me)
    changed = answer | {"title": "Senior Analyst"}
    yield put("Change their title", me, changed, {"title": "Senior Analyst"})
    yield refused(put("", me, placed(changed, cast.manager_path(), me)))
    yield taken(mira)
    yield patched(
        "Deactivate them", me, {"op": "replace", "value": {"active": False}}, active=False
    )
    yield patched("Reactivate them", me, {"op": "replace", "value": {"active": True}}, active=True)
    answer = yield new_group("Push a group", {"displayName": f"Finance {cast.run}", "members": []})
    team = id_of(answer)
    name = {"id": team, "displayName": f"Finance {cast.run}"}
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
        says={"members.0.value": me},
    )
    yield deleted("Unlink the group", f"/Groups/{team}")
    yield unknown_user()
