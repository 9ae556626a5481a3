"""Browsing Keycloak lists roles where its tokens list roles.

The server is a small one of ours that answers in the shapes of Keycloak's Admin REST API.
"""

from typing import Any

import pytest
from django.test import Client

from people.models import Person
from provisioning.directory import Directory, DirectoryFailed, directory_of
from provisioning.models import IdentityProvider
from provisioning.sign_in.sign_in import sign_in
from tests.clients.pages import text_of
from tests.support import sign_in_flow
from tests.support.cloud_directories import CloudProvider, added
from tests.support.sign_in_flow import claims

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]

REALM, CLIENT = "realm_access.roles", "resource_access.ramp.web.roles"
ROLES = ["accounting", "auditor", "offline_access"]


def user(key: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "username": key, "firstName": key.title(), "lastName": "New"} | more


# Dora and thirty others have the role themselves. Ida has it through the group /staff and Uma
# through its subgroup /staff/finance.
DIRECT = [user("dora"), user("olaf", enabled=False), *(user(f"many{n}") for n in range(30))]


HELD = [{"name": "accounting"}, {"name": "auditor"}]
# By the path below the realm, and for the roles of the client below that client.
ANSWERS: dict[str, Any] = {
    "roles": [{"name": one} for one in ROLES],
    "roles/accounting/users": DIRECT,
    "roles/accounting/groups": [
        {"id": "g1", "name": "staff", "path": "/staff", "subGroupCount": 1}
    ],
    "groups/g1/children": [{"id": "g2", "name": "finance", "path": "/staff/finance"}],
    "groups/g1/members": [user("ida")],
    "groups/g2/members": [user("uma")],
    "users/dora/role-mappings/realm/composite": HELD,
    "users/dora/role-mappings/clients/c1/composite": HELD,
}


def answer(path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
    asked = "/".join(path.split("/")[4:]).removeprefix("clients/c1/")
    if asked == "clients":
        return 200, [{"id": "c1", "clientId": "ramp.web"}] if query["clientId"] != "gone" else []
    if asked not in ANSWERS:
        return 404, {"error": "Could not find role"}
    first, most = int(query.get("first", "0")), int(query.get("max", "100"))
    found = [one for one in ANSWERS[asked] if query.get("search", "") in str(one)]
    return 200, found[first : first + most]


@pytest.fixture(autouse=True)
def keycloak_answers(cloud: CloudProvider) -> None:
    cloud.api = answer


def keycloak(cloud: CloudProvider, claim: str, **more: Any) -> IdentityProvider:
    url = f"{cloud.url}/admin/realms/acme"
    values = {"name": "Keycloak", "directory_url": url, "groups_claim": claim}
    return added(cloud, "keycloak", **values | more)


def browsed(provider: IdentityProvider) -> Directory:
    directory = directory_of(provider)
    assert directory
    return directory


@pytest.mark.parametrize(
    ("claim", "more"),
    [(REALM, {}), (REALM, {"group_key": "name"}), (CLIENT, {}), ("roles", {"group_key": "role"})],
    ids=str,
)
class TestRoles:
    @pytest.fixture
    def directory(self, cloud: CloudProvider, claim: str, more: dict[str, str]) -> Directory:
        return browsed(keycloak(cloud, claim, **more))

    def test_roles_are_listed_by_the_name_that_tokens_list(self, directory: Directory) -> None:
        assert [role.id for role in directory.groups("").items] == ROLES

    def test_roles_are_found_by_search(self, directory: Directory) -> None:
        assert [role.id for role in directory.groups("aud").items] == ["auditor"]

    def test_roles_of_a_person_include_inherited_roles(self, directory: Directory) -> None:
        held = directory.groups_of("dora") or []

        assert [role.id for role in held] == ["accounting", "auditor"]
        assert directory.groups_of("nobody") is None

    def test_members_of_a_role_include_those_of_its_groups(self, directory: Directory) -> None:
        page, found = directory.members("accounting"), []
        while page.next:
            found += [one.id for one in page.items]
            page = directory.members("accounting", page.next)
        found += [one.id for one in page.items]

        assert found == [*(one["id"] for one in DIRECT), "ida", "uma"]

    def test_unknown_role_has_no_members(self, directory: Directory) -> None:
        assert directory.members("nothing").items == []


def test_unknown_keycloak_client_fails(cloud: CloudProvider) -> None:
    directory = browsed(keycloak(cloud, "resource_access.gone.roles"))

    with pytest.raises(DirectoryFailed, match="has no such client"):
        directory.groups("")


@pytest.mark.parametrize("claim", [REALM, CLIENT])
def test_role_mapping_applies_at_sign_in(
    owner_client: Client, cloud: CloudProvider, claim: str
) -> None:
    provider = keycloak(cloud, claim)
    page = f"/tenants/acme/mappings/?provider={provider.pk}"
    values = {"group": "accounting", "role": Person.Role.BOOKKEEPER}

    drafted = text_of(owner_client.post(page, values, follow=True))
    preview = f"/tenants/acme/mappings/{provider.pk}/apply/"
    owner_client.post(preview, {"seen": owner_client.get(preview).context["seen"]})
    dora = sign_in(provider, claims("dora", groups=sign_in_flow.groups("accounting"))).person

    assert "Dora New" in drafted
    assert "Olaf New" not in drafted
    assert dora
    dora.refresh_from_db()
    assert dora.role == Person.Role.BOOKKEEPER
