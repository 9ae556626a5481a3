"""Group members that the provider names by externalId or userName instead of the id."""

import pytest

from scim.models import ScimWaitingMember
from tests.clients.scim import Json, Provider
from tests.scim.sync.test_nested_groups import members_of
from tests.scim.sync.test_roles_of_groups import group

pytestmark = pytest.mark.django_db

NAMES = pytest.mark.parametrize(
    "name", ["X-1", "ada@example.com", "ADA@example.com"], ids=["externalId", "userName", "case"]
)


@pytest.fixture
def ada(scim: Provider) -> str:
    scim.add("bob")
    return scim.add("ada", externalId="X-1")


def patch(scim: Provider, *operations: Json) -> None:
    answer = scim("PATCH", f"/Groups/{group('Readers').scim_id}", {"Operations": [*operations]})
    assert answer.status == 204


def replace_members(way: str, scim: Provider, *names: str) -> None:
    values = [{"value": name} for name in names]
    if way == "patch":
        patch(scim, {"op": "replace", "path": "members", "value": values})
    else:
        body = {"displayName": "Readers", "members": values}
        assert scim("PUT", f"/Groups/{group('Readers').scim_id}", body).status == 200


@NAMES
def test_member_named_by_other_identifier_joins_in_the_same_request(
    scim: Provider, ada: str, name: str
) -> None:
    scim.add_group("Readers", name)

    assert members_of(scim, "Readers") == [("User", ada)]
    assert not ScimWaitingMember.objects.exists()


@NAMES
@pytest.mark.parametrize("form", ["value", "filter"])
def test_member_is_removed_by_other_identifier(
    scim: Provider, ada: str, name: str, form: str
) -> None:
    scim.add_group("Readers", ada)

    if form == "value":
        patch(scim, {"op": "remove", "path": "members", "value": [{"value": name}]})
    else:
        patch(scim, {"op": "remove", "path": f'members[value eq "{name}"]'})

    assert members_of(scim, "Readers") == []


@NAMES
@pytest.mark.parametrize("way", ["patch", "put"])
def test_replacing_members_by_other_identifier_keeps_the_same_member(
    scim: Provider, ada: str, name: str, way: str
) -> None:
    scim.add_group("Readers", ada)
    version = group("Readers").version

    replace_members(way, scim, name)

    assert members_of(scim, "Readers") == [("User", ada)]
    assert group("Readers").version == version


def test_member_waits_if_two_users_share_the_identifier(scim: Provider, ada: str) -> None:
    scim.add("cy", externalId="X-1")

    scim.add_group("Readers", "X-1")

    assert members_of(scim, "Readers") == []
    assert [one.value for one in ScimWaitingMember.objects.all()] == ["X-1"]
