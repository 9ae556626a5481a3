"""The requests of Microsoft's SCIM validator, with its default attributes.

The validator is at https://scimvalidator.microsoft.com, and described at
https://learn.microsoft.com/entra/identity/app-provisioning/scim-validator-tutorial. Its people
have no department and no location. The titles of the steps follow its list of tests.
"""

from dataclasses import replace
from urllib.parse import quote
from uuid import uuid4

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
    new_group,
    operation,
    patched,
    read,
)
from scim.rfc.resource_types import ENTERPRISE, USER
from scim.rfc.strict_json import Json

MANAGER = f"{ENTERPRISE.urn}:manager"


def entra_validator_steps(users: SampleUsers) -> SelfTestSteps:
    mira, boss = _default_person(users, "Mira", "Okafor"), _default_person(users, "Tomas", "Berg")
    answer = yield replace(created(mira), title="Create a new user")
    me = id_of(answer)
    yield replace(created_again(mira), title="Create a duplicate user (must be refused)")
    yield from _queries(mira, me)
    yield from _changes_of_user(users, me)
    answer = yield replace(created(boss), title="Create a manager")
    their_id = id_of(answer)
    yield patched("Add a manager", me, operation("add", MANAGER, their_id))
    answer = yield replace(read(me), title="Read the manager")
    manager = answer.get(ENTERPRISE.urn, {}).get("manager", {})
    same = {"value": manager.get("value", their_id)}
    yield patched("Replace the manager", me, operation("replace", MANAGER, same))
    yield patched("Remove the manager", me, {"op": "remove", "path": MANAGER})
    yield from _group(users, me)
    for scim_id in (me, their_id):
        yield from _deletions("user", f"/Users/{scim_id}")
    yield replace(
        deleted("Delete a user who does not exist (must be refused)", f"/Users/{uuid4()}"),
        status=(404,),
    )


def _default_person(users: SampleUsers, given: str, family: str) -> Json:
    email = users.address(f"{given}.{family}".lower())
    return {
        "schemas": [USER.core.urn],
        "userName": email,
        "externalId": str(uuid4()),
        "displayName": f"{given} {family}",
        "name": {"formatted": f"{given} {family}", "givenName": given, "familyName": family},
        "emails": [{"type": "work", "value": email}],
        "active": True,
    }


def _queries(person: Json, me: str) -> SelfTestSteps:
    caps = {"userName": person["userName"].upper()}
    yield replace(read(me), title="Get the user")
    yield found("Filter for an existing user", person, 1)
    yield found("Filter for an existing user with different case", caps, 1)
    yield found("Filter for a user who does not exist", {"userName": str(uuid4())}, 0)
    sought = quote(f'externalId eq "{person["externalId"]}"')
    yield Step(
        title="Filter by externalId",
        method="GET",
        path=f"/Users?filter={sought}",
        expected={"totalResults": 1, "Resources.0.id": me},
    )


def _changes_of_user(users: SampleUsers, me: str) -> SelfTestSteps:
    renamed = users.address("mira.berg")
    yield patched(
        "Replace attributes",
        me,
        operation("replace", "displayName", "Mira Berg"),
        operation("replace", "name.familyName", "Berg"),
        operation("replace", 'emails[type eq "work"].value', renamed),
        **{"displayName": "Mira Berg", "name.familyName": "Berg", "emails.0.value": renamed},
    )
    yield patched(
        "Replace attributes, without paths",
        me,
        {"op": "replace", "value": {"displayName": "Mira B.", "name.givenName": "Mirabel"}},
        **{"displayName": "Mira B.", "name.givenName": "Mirabel"},
    )
    yield patched("Add an attribute", me, operation("add", "title", "Analyst"), title="Analyst")
    yield patched("Remove an attribute", me, {"op": "remove", "path": "title"}, title=None)
    yield patched(
        "Change the user name", me, operation("replace", "userName", renamed), userName=renamed
    )
    yield patched("Disable the user", me, operation("replace", "active", value=False), active=False)
    sought = quote(f'userName eq "{renamed}"')
    yield Step(
        title="Find the disabled user",
        method="GET",
        path=f"/Users?filter={sought}",
        expected={"totalResults": 1, "Resources.0.active": False},
    )
    yield patched("Enable the user", me, operation("replace", "active", value=True), active=True)


def _group(users: SampleUsers, me: str) -> SelfTestSteps:
    name = f"Validators {users.run}"
    answer = yield new_group("Create a new group", {"displayName": name, "externalId": name})
    group = id_of(answer)
    for title, sought, count in (
        ("Filter for an existing group", name, 1),
        ("Filter for an existing group with different case", name.upper(), 1),
        ("Filter for a group that does not exist", str(uuid4()), 0),
    ):
        asked = quote(f'displayName eq "{sought}"')
        path = f"/Groups?excludedAttributes=members&filter={asked}"
        yield Step(title=title, method="GET", path=path, expected={"totalResults": count})
    renamed = operation("replace", "displayName", f"Reviewers {users.run}")
    yield group_changed("Replace attributes of the group", group, renamed)
    member = [{"value": me}]
    yield group_changed("Add a member", group, operation("add", "members", member))
    members = Step(
        title="Read the members",
        method="GET",
        path=f"/Groups/{group}",
        expected={"members.0.value": me, "displayName": f"Reviewers {users.run}"},
    )
    yield members
    without = replace(members, path=f"/Groups/{group}?excludedAttributes=members")
    yield replace(
        without, title="Read the group without members", expected={"id": group, "members": None}
    )
    yield group_changed("Remove the member", group, operation("remove", "members", member))
    yield from _deletions("group", f"/Groups/{group}")


def _deletions(what: str, path: str) -> SelfTestSteps:
    yield deleted(f"Delete the {what}", path)
    yield replace(deleted(f"Delete the {what} again (must be refused)", path), status=(404,))
