"""Access diagnosis reports accounts outside the group that a provider requires."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from people import tenancy
from people.models import Tenant
from provisioning.models import IdentityProvider
from provisioning.sign_in.sign_in import sign_in
from tests.clients.pages import text_of
from tests.services.active_directory import ActiveDirectory
from tests.support import sign_in_flow
from tests.support.active_directory import added as added_directory
from tests.support.active_directory import sign_in_as, unused_name
from tests.support.cloud_directories import ORGANIZATION, CloudProvider, added
from tests.support.sign_in_flow import claims

pytestmark = pytest.mark.django_db

DORA = "dora@acme.example"
KINDS = ("graph", "okta", "keycloak", "scim")
# The value of the group in tokens.
STAFF = {"graph": "g1", "okta": "Staff", "keycloak": "/Staff", "scim": "g1"}
SHAPES: dict[str, dict[str, Any]] = {
    "graph": {"id": "u1", "displayName": "Dora New", "userPrincipalName": DORA},
    "okta": {"id": "u1", "status": "ACTIVE", "profile": {"login": DORA, "email": DORA}},
    "keycloak": {"id": "u1", "username": "dora", "email": DORA, "enabled": True},
    "scim": {"id": "u1", "userName": DORA, "active": True},
}


@dataclass
class Vendor:
    """A directory with Dora and the group Staff, in a vendor's shape."""

    kind: str
    # The group that Dora is in.
    hers: str = "Chess"
    staff: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "u9", "value": "u9"}])
    is_open: bool = True

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
        below = {"graph": 2, "keycloak": 4}.get(self.kind, 3)
        hers = {"value": self.key(self.hers), "display": self.hers}
        found: Any = None
        match path.split("/")[below:]:
            case ["users" | "Users"]:
                found = self.listed(SHAPES[self.kind])
            case ["users" | "Users", "u1"]:
                found = SHAPES[self.kind] | {"groups": [hers]}
            case ["users", "u1", "groups" | "transitiveMemberOf", *_] if self.is_open:
                found = self.listed(self.group(self.hers))
            case ["users", "u1", *_]:
                return 403, {}
            case ["groups"]:
                found = self.listed(self.group("Staff"))
            case ["groups", "g1", *_]:
                found = self.listed(*self.staff)
            case ["Groups", "g1"]:
                found = self.group("Staff") | {"members": self.staff}
        return (404, {}) if found is None else (200, found)

    def listed(self, *found: dict[str, Any]) -> Any:
        is_bare = self.kind in ("okta", "keycloak")
        return found if is_bare else {"value": found, "Resources": found}

    def key(self, name: str) -> str:
        return "g1" if name == "Staff" else "g2"

    def group(self, name: str) -> dict[str, Any]:
        shared = {"id": self.key(name), "name": name, "displayName": name, "path": f"/{name}"}
        return shared | {"profile": {"name": name}}


def connected(cloud: CloudProvider, vendor: Vendor, **more: Any) -> IdentityProvider:
    cloud.api = vendor.answer
    kind = vendor.kind
    issuer = f"{cloud.url}/{ORGANIZATION}/v2.0" if kind == "graph" else cloud.url
    cloud.discovery = {"issuer": issuer}
    below = {"keycloak": "/admin/realms/acme", "scim": "/api/v2"}.get(kind, "")
    values = {"directory_token": "t0ken"} if kind in ("okta", "scim") else {}
    values |= {"issuer": issuer, "directory_url": f"{cloud.url}{below}", "name": "Corp"}
    return added(cloud, kind, **values, restrict_to={"required_group": STAFF[kind]}, **more)


def asked(admin: Client, text: str = DORA) -> str:
    return text_of(admin.get(f"/people/why/?who={quote(text)}"))


SENTENCE = "is not in the group “{0}” of Corp, which is required to sign in."


@pytest.mark.usefixtures("in_acme")
class TestCloudDirectory:
    @pytest.mark.parametrize("kind", KINDS)
    def test_reports_an_account_that_never_signed_in(
        self, owner_client: Client, cloud: CloudProvider, kind: str
    ) -> None:
        connected(cloud, Vendor(kind))

        page = asked(owner_client)

        assert SENTENCE.format(STAFF[kind]) in page
        assert "has never signed in to Ramp" not in page

    @pytest.mark.parametrize("kind", ["graph", "okta", "keycloak"])
    def test_shows_the_group_name_if_a_sign_in_has_sent_it(
        self, owner_client: Client, cloud: CloudProvider, kind: str
    ) -> None:
        corp = connected(cloud, Vendor(kind))
        subject = f"{ORGANIZATION}/u1" if kind == "graph" else "u1"
        staff = sign_in_flow.groups(STAFF[kind])
        sign_in(corp, claims(subject, email=DORA, groups=staff))
        corp.groups.update(name="All staff")

        assert SENTENCE.format("All staff") in asked(owner_client)

    @pytest.mark.parametrize("kind", KINDS)
    def test_member_of_the_group_has_no_problem(
        self, owner_client: Client, cloud: CloudProvider, kind: str
    ) -> None:
        connected(cloud, Vendor(kind, hers="Staff"))

        page = asked(owner_client)

        assert "which is required" not in page
        assert "has never signed in to Ramp" in page

    @pytest.mark.parametrize("kind", KINDS)
    def test_group_that_the_directory_lacks_is_not_reported(
        self, owner_client: Client, cloud: CloudProvider, kind: str
    ) -> None:
        """Tokens may list other things as groups, such as the app roles of Entra."""
        connected(cloud, Vendor(kind, staff=[]))

        assert "which is required" not in asked(owner_client)

    def test_scim_group_with_nested_groups_is_not_reported(
        self, owner_client: Client, cloud: CloudProvider
    ) -> None:
        """A server need not list indirect memberships (RFC 7643 section 4.1.2)."""
        nested = {"value": "g3", "type": "Group"}
        connected(cloud, Vendor("scim", staff=[{"value": "u9"}, nested]))

        assert "which is required" not in asked(owner_client)

    @pytest.mark.parametrize("kind", ["graph", "okta", "keycloak"])
    def test_unreadable_groups_are_not_reported(
        self, owner_client: Client, cloud: CloudProvider, kind: str
    ) -> None:
        connected(cloud, Vendor(kind, is_open=False))

        page = asked(owner_client)

        assert "which is required" not in page
        assert "has the account" in page

    def test_new_membership_is_shown_at_once(
        self, owner_client: Client, cloud: CloudProvider
    ) -> None:
        okta = Vendor("okta")
        connected(cloud, okta)
        assert "which is required" in asked(owner_client)

        okta.hers = "Staff"

        assert "which is required" not in asked(owner_client)

    def test_person_of_another_provider_is_not_reported(
        self, owner_client: Client, cloud: CloudProvider
    ) -> None:
        sign_in(sign_in_flow.provider("Usual"), claims("dora", email=DORA))
        connected(cloud, Vendor("okta"))

        assert "which is required" not in asked(owner_client)


@pytest.mark.parametrize("is_known", [False, True], ids=["never signed in", "signed in"])
def test_reports_missing_group_in_active_directory(
    owner_client: Client, acme: Tenant, active_directory: ActiveDirectory, *, is_known: bool
) -> None:
    name, group = unused_name(), unused_name()
    dn = active_directory.add_group(group, active_directory.add_person(unused_name()))
    active_directory.add_person(name)
    corp = added_directory(acme, active_directory.document(directory_browsing="live"))
    if is_known:
        sign_in_as(name, corp, Client())
    assert "which is required" not in asked(owner_client, f"{name}@example.com")

    with tenancy.use(acme):
        corp.admission = {"required_group": active_directory.guid(dn)}
        corp.save()

    assert "of AD, which is required to sign in." in asked(owner_client, f"{name}@example.com")
