"""Mapping a group of a cloud directory before its members have signed in."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from people.models import Person
from provisioning.models import IdentityProvider
from provisioning.sign_in.sign_in import sign_in
from tests.clients.pages import text_of
from tests.support import sign_in_flow
from tests.support.cloud_directories import ORGANIZATION, CloudProvider, added
from tests.support.sign_in_flow import claims

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]

KINDS = ("graph", "okta", "keycloak", "scim")
# The id of the group in tokens, for each kind of directory.
GROUP = {"graph": "g1", "okta": "Finance", "keycloak": "/Finance", "scim": "g1"}


def member(kind: str, key: str, name: str, *, is_disabled: bool = False) -> dict[str, Any]:
    given, _, family = name.partition(" ")
    profile = {"firstName": given, "lastName": family, "login": key}
    shapes: dict[str, dict[str, Any]] = {
        "graph": {"id": key, "displayName": name, "accountEnabled": not is_disabled},
        "okta": {
            "id": key,
            "status": "SUSPENDED" if is_disabled else "ACTIVE",
            "profile": profile,
        },
        "keycloak": {"id": key, "username": key, "enabled": not is_disabled, **profile},
        "scim": {"value": key, "display": name, "type": "User"},
    }
    return shapes[kind]


def answers(kind: str) -> dict[str, Any]:
    """Return the responses of the directory by path; the group Finance has three members."""
    members = [
        member(kind, "u1", "Dora New"),
        member(kind, "u2", "Olaf Known"),
        member(kind, "u3", "Sue Spended", is_disabled=True),
    ]
    group = {"id": "g1", "name": "Finance", "displayName": "Finance", "path": "/Finance"}
    match kind:
        case "graph":
            return {
                "/groups": {"value": [group]},
                "/groups/g1/transitiveMembers/microsoft.graph.user": {"value": members},
            }
        case "okta":
            listed = [{"id": "g1", "profile": {"name": "Finance"}}]
            return {"/groups": listed, "/groups/g1/users": members}
        case "keycloak":
            known = {"/users/u2": members[1]}
            return known | {"/groups": [group], "/groups/g1/members": members}
    nested = {"value": "g2", "display": "Payroll", "type": "Group"}
    return {
        "/Groups": {"totalResults": 1, "Resources": [group]},
        "/Groups/g1": group | {"members": [*members[:2], nested]},
        "/Users/u2": {"id": "u2", "userName": "olaf@acme.example"},
    }


@pytest.fixture
def admin(owner_client: Client) -> Client:
    return owner_client


def connected(cloud: CloudProvider, kind: str) -> IdentityProvider:
    result = answers(kind)
    issuer = f"{cloud.url}/{ORGANIZATION}/v2.0" if kind == "graph" else cloud.url
    cloud.discovery = {"issuer": issuer}
    below = {"graph": "/v1.0", "keycloak": "/admin/realms/acme"}.get(kind, "/api/v1")

    def answer(path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
        found = result.get(path.removeprefix(below))
        return (404, {}) if found is None else (200, found)

    cloud.api = answer
    base = {"graph": "", "okta": ""}.get(kind, below)
    more = {"directory_token": "t0ken"} if kind in ("okta", "scim") else {}
    return added(cloud, kind, issuer=issuer, directory_url=f"{cloud.url}{base}", **more)


@pytest.mark.parametrize("kind", KINDS)
def test_page_and_preview_show_who_would_get_the_role(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    corp = connected(cloud, kind)
    known = f"{ORGANIZATION}/u2" if kind == "graph" else "u2"
    sign_in(corp, claims(known, email="olaf@acme.example"))
    mappings = f"/tenants/acme/mappings/?provider={corp.pk}"
    values = {"group": "/Finance" if kind == "keycloak" else "Finance"}

    page = text_of(admin.post(mappings, values | {"role": Person.Role.BOOKKEEPER}, follow=True))
    preview = admin.get(f"/tenants/acme/mappings/{corp.pk}/apply/")

    for shown in (page, text_of(preview)):
        assert "Dora New" in shown
        for other in ("Olaf Known", "Sue Spended", "Payroll"):
            assert other not in shown
    assert "1 who has not signed in" in page
    assert "They get the role at their first sign-in" in text_of(preview)


@pytest.mark.parametrize("kind", ["keycloak", "scim"])
def test_members_are_not_listed_if_directory_ids_differ_from_subjects(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    """Subjects of Keycloak may be pairwise, and ids of a SCIM server are no subjects."""
    corp = connected(cloud, kind)
    mappings = f"/tenants/acme/mappings/?provider={corp.pk}"
    group = "/Finance" if kind == "keycloak" else "Finance"
    admin.post(mappings, {"group": group, "role": Person.Role.BOOKKEEPER})
    assert "Olaf Known" in text_of(admin.get(mappings))

    sign_in(corp, claims("pairwise-2", email="olaf@acme.example"))

    page = text_of(admin.get(mappings))
    assert "Olaf Known" not in page
    assert "cannot tell who of a group has not signed in yet" in page


@pytest.mark.parametrize("kind", KINDS)
def test_role_is_granted_at_the_first_sign_in(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    corp = connected(cloud, kind)
    group = "/Finance" if kind == "keycloak" else "Finance"
    values = {"group": group, "role": Person.Role.BOOKKEEPER}
    admin.post(f"/tenants/acme/mappings/?provider={corp.pk}", values)
    preview = f"/tenants/acme/mappings/{corp.pk}/apply/"
    admin.post(preview, {"seen": admin.get(preview).context["seen"]})

    dora = sign_in(corp, claims("u1", groups=sign_in_flow.groups(GROUP[kind]))).person

    assert dora
    assert dora.role == Person.Role.BOOKKEEPER


@pytest.mark.parametrize("kind", KINDS)
def test_page_is_available_while_the_directory_is_down(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    corp = connected(cloud, kind)
    mappings = f"/tenants/acme/mappings/?provider={corp.pk}"
    group = "/Finance" if kind == "keycloak" else "Finance"
    admin.post(mappings, {"group": group, "role": Person.Role.BOOKKEEPER})
    cache.clear()
    cloud.api = lambda *_: (503, {})

    page = text_of(admin.get(mappings))

    assert "returned status 503" in page
    assert "Finance" in page
