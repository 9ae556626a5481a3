"""The requests of Okta's SPEC test, which an integration has to pass before Okta publishes it.

The suite is at https://developer.okta.com/docs/guides/scim-provisioning-integration-test/main/.
Its people have no department and no location.
"""

from dataclasses import replace
from uuid import uuid4

from scim.connections.presets.steps import (
    LIST,
    SampleUsers,
    SelfTestSteps,
    Step,
    created,
    created_again,
    found,
    id_of,
    listed,
    read,
    wrong_token,
)
from scim.rfc.resource_types import USER
from scim.rfc.strict_json import Json

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
DISCOVERY = ("ServiceProviderConfig", "ResourceTypes", "Schemas")


def okta_spec_steps(users: SampleUsers) -> SelfTestSteps:
    """Yield the steps; the first two read a user who must exist already."""
    first, dario = _bare_person(users, "Noor", "Haddad"), _bare_person(users, "Dario", "Conti")
    nobody = {"userName": users.address("nobody")}
    for name in DISCOVERY:
        yield Step(title=f"Read /{name}", method="GET", path=f"/{name}")
        yield Step(
            title=f"Write /{name} (must be refused)",
            method="POST",
            path=f"/{name}",
            body={"test": True},
            status=(405,),
        )
    answer = yield replace(created(first), title="Create a user without department and location")
    first_id = id_of(answer)
    shown = {
        "Resources.0.id": first_id,
        "Resources.0.userName": first["userName"],
        "Resources.0.active": True,
        "Resources.0.name.familyName": "Haddad",
        "Resources.0.name.givenName": "Noor",
        "Resources.0.emails.0.value": first["userName"],
        "itemsPerPage": 1,
        "startIndex": 1,
        "totalResults": 1,
    }
    one = listed("Read the first user of the list", "/Users?count=1&startIndex=1")
    yield replace(one, expected={"schemas": [LIST], **shown})
    yield replace(read(first_id), title="Read this user")
    yield found("Look for a user name that nobody has", nobody, 0)
    yield _unknown_id(str(uuid4()))
    yield found("Look for the next user", dario, 0)
    answer = yield replace(created(dario), title="Create the next user")
    me = id_of(answer)
    yield replace(read(me), title="Read them", expected=_values(dario))
    yield created_again(dario)
    caps = {"userName": dario["userName"].upper()}
    yield found("Find them with a user name in capitals", caps, 1)
    yield listed("List the groups", "/Groups")
    yield replace(wrong_token(), expected={"status": "401", "schemas": [ERROR]})
    yield _unknown_id("00919288221112222")


def _bare_person(users: SampleUsers, given: str, family: str) -> Json:
    email = users.address(f"{given}.{family}".lower())
    return {
        "schemas": [USER.core.urn],
        "userName": email,
        "name": {"givenName": given, "familyName": family},
        "emails": [{"primary": True, "value": email, "type": "work"}],
        "displayName": f"{given} {family}",
        "active": True,
    }


def _values(person: Json) -> Json:
    return {
        "userName": person["userName"],
        "name.givenName": person["name"]["givenName"],
        "name.familyName": person["name"]["familyName"],
    }


def _unknown_id(scim_id: str) -> Step:
    title = "Read a user who does not exist (must be refused)"
    expected = {"status": "404", "schemas": [ERROR]}
    return replace(read(scim_id), title=title, status=(404,), expected=expected)
