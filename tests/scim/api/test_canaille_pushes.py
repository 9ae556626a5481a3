"""Canaille, a real identity provider, provisions people and groups to a running server.

Its requests contain a token that Canaille issues; the test registers the digest with Ramp.
"""

import hashlib
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from tests.canaille import Canaille, CanailleError
from tests.services.db import Connected, connect
from tests.services.server import Server

REGISTER = """
from people import tenancy
from scim.models import Connection
with tenancy.across_tenants():
    connection = Connection.objects.get(pk="{connection}")
    connection.tokens.create(tenant_id=connection.tenant_id, digest="{digest}", hint="{hint}")
"""
PEOPLE = """
import json
from people import tenancy
from people.models import Person, Tenant
with tenancy.use(Tenant.objects.get(slug="{tenant}")):
    people = Person.objects.filter(email="{email}")
    print(json.dumps(list(people.values("given_name", "state", "department__name"))))
"""
numbers = count(1)


@pytest.fixture(scope="module")
def connected(server: Server) -> Connected:
    return connect(server, "--incomplete", "hold")


@pytest.fixture(scope="module")
def canaille(server: Server, connected: Connected) -> Iterator[Canaille]:
    with Canaille(connected.base) as canaille:
        with pytest.raises(CanailleError, match="401"):
            # The first request makes Canaille issue the token, which Ramp does not know yet.
            canaille.run("create", "user", "--user-name", "nobody", "--family-name", "Nobody")
        token = canaille.token()
        digest = hashlib.sha256(token.encode()).hexdigest()
        where = {"connection": connected.connection, "digest": digest, "hint": token[-4:]}
        server.manage("shell", "-c", REGISTER.format(**where))
        yield canaille


@pytest.fixture
def ada(canaille: Canaille) -> str:
    """The userName of a person whom Canaille has just pushed."""
    return create_user(canaille, "Ada")


def test_new_user_becomes_a_person(
    server: Server, connected: Connected, canaille: Canaille, ada: str
) -> None:
    user = pushed(connected, "Users", f'userName eq "{ada}"')
    people = server.manage("shell", "-c", PEOPLE.format(tenant=connected.tenant, email=email(ada)))

    assert user["name"] == {"givenName": "Ada", "familyName": "Lovelace"}
    assert user["active"] is True
    assert json.loads(people.splitlines()[-1]) == [
        {"given_name": "Ada", "state": "invited", "department__name": "Mathematics"}
    ]


def test_changed_user_is_updated(connected: Connected, canaille: Canaille, ada: str) -> None:
    canaille.run("set", "user", ada, "--title", "Countess", "--family-name", "King")

    user = pushed(connected, "Users", f'userName eq "{ada}"')
    assert user["title"] == "Countess"
    assert user["name"]["familyName"] == "King"


def test_locked_user_is_deactivated(connected: Connected, canaille: Canaille, ada: str) -> None:
    canaille.run("set", "user", ada, "--lock-date", "2020-01-01T00:00:00+00:00")

    assert pushed(connected, "Users", f'userName eq "{ada}"')["active"] is False


def test_new_group_has_its_members(connected: Connected, canaille: Canaille, ada: str) -> None:
    group = create_group(canaille, ada)

    assert members(connected, group) == {ada}


def test_member_is_added_to_and_removed_from_a_group(
    connected: Connected, canaille: Canaille, ada: str
) -> None:
    group = create_group(canaille, ada)
    grace = create_user(canaille, "Grace", "--groups", group)

    assert members(connected, group) == {ada, grace}

    canaille.run("set", "user", grace, "--groups", "")

    assert members(connected, group) == {ada}


def test_deleted_user_is_not_found(connected: Connected, canaille: Canaille, ada: str) -> None:
    canaille.run("delete", "user", "--user-name", ada, "--noconfirm")

    assert not listed(connected, "Users", f'userName eq "{ada}"')


def test_deleted_group_is_not_found(connected: Connected, canaille: Canaille, ada: str) -> None:
    group = create_group(canaille, ada)

    canaille.run("delete", "group", "--display-name", group, "--noconfirm")

    assert not listed(connected, "Groups", f'displayName eq "{group}"')


def create_user(canaille: Canaille, given_name: str, *options: str) -> str:
    user_name = f"{given_name.lower()}-{next(numbers)}"
    names = ("--user-name", user_name, "--given-name", given_name, "--family-name", "Lovelace")
    place = ("--department", "Mathematics", "--locality", "London")
    canaille.run("create", "user", *names, *place, "--emails", email(user_name), *options)
    return user_name


def create_group(canaille: Canaille, *user_names: str) -> str:
    name = f"Analysts {next(numbers)}"
    canaille.run("create", "group", "--display-name", name, "--members", *user_names)
    return name


def email(user_name: str) -> str:
    return f"{user_name}@example.com"


def members(connected: Connected, group: str) -> set[str]:
    found = pushed(connected, "Groups", f'displayName eq "{group}"').get("members", [])
    return {asked(connected, f"Users/{member['value']}")["userName"] for member in found}


def pushed(connected: Connected, resource: str, query: str) -> dict[str, Any]:
    [resource_found] = listed(connected, resource, query)
    return resource_found


def listed(connected: Connected, resource: str, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(connected, resource, filter=query)["Resources"]
    return found


def asked(connected: Connected, path: str, **parameters: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {connected.token}"}
    answer = httpx.get(f"{connected.base}/{path}", params=parameters, headers=headers)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document
