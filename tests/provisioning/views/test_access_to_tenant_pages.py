"""Who may open which page of a tenant: its administrators, and operators its settings."""

from collections.abc import Iterator

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.claims import Claims
from provisioning.models import Identity, IdentityProvider
from provisioning.sign_in.sign_in import sign_in
from tests.clients.pages import signed_in
from tests.factories import core
from tests.support import sign_in_flow
from tests.support.sign_in_flow import claims, groups

pytestmark = pytest.mark.django_db

SETTINGS = "settings/"
PAGES = [
    *("auth-providers/", "auth-providers/add/okta/", "auth-settings/", "provisioned-members/"),
    *("mappings/", "log/", "provisioned-members/{member}/", "auth-providers/{provider}/"),
    *("auth-providers/{provider}/test/", "auth-providers/{provider}/remove/"),
    *("directory/{provider}/", "directory/{provider}/groups/"),
    *("directory/{provider}/person/?id=ada", "directory/{provider}/group/?id=Sales"),
]
POSTS = [
    *("mappings/{mapping}/remove/", "mappings/{provider}/discard/"),
    *("mappings/{provider}/apply/", "auth-providers/{provider}/move/"),
]


@pytest.fixture
def there(acme: Tenant) -> Iterator[dict[str, object]]:
    """Activate a tenant with one row of each kind."""
    with tenancy.use(acme):
        core.owner()
        settings = {"issuer": "https://id.example", "client_id": "ramp"}
        corp = sign_in_flow.provider(settings=settings, browsing="cached_only")
        mapping = sign_in_flow.mapping(corp, "Sales", Person.Role.BOOKKEEPER)
        given_claims: Claims = claims(groups=groups("Sales"))
        sign_in(corp, given_claims)
        yield {
            "provider": corp.pk,
            "mapping": mapping.pk,
            "member": Identity.objects.get().pk,
        }


def address(page: str, there: dict[str, object]) -> str:
    return "/tenants/acme/" + page.format_map(there)


def test_administrator_is_redirected_to_their_tenant(there: dict[str, object]) -> None:
    client = signed_in(core.administrator())

    assert client.get("/tenants/")["Location"] == "/tenants/acme/settings/"


@pytest.mark.parametrize("page", [SETTINGS, *PAGES])
@pytest.mark.parametrize("role", Person.ADMINISTERING)
def test_administrator_opens_the_pages_of_their_tenant(
    there: dict[str, object], role: str, page: str
) -> None:
    client = signed_in(core.administrator(role=role))

    assert client.get(address(page, there)).status_code == 200


@pytest.mark.parametrize("page", [SETTINGS, *PAGES, *POSTS])
def test_anonymous_visitor_is_redirected_to_sign_in(there: dict[str, object], page: str) -> None:
    response = Client().post(address(page, there))

    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/?next=/tenants/acme/")


@pytest.mark.parametrize("page", [SETTINGS, *PAGES, *POSTS])
def test_employee_is_redirected_to_sign_in(there: dict[str, object], page: str) -> None:
    response = signed_in(core.person()).post(address(page, there))

    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/?next=/tenants/acme/")


@pytest.mark.parametrize("page", [SETTINGS, *PAGES, *POSTS])
def test_pages_of_another_tenant_are_not_found(there: dict[str, object], page: str) -> None:
    with core.in_another_tenant():
        client = signed_in(core.owner())

    assert client.get(address(page, there)).status_code in (404, 405)
    assert client.post(address(page, there)).status_code == 404


@pytest.mark.parametrize("page", [page for page in [*PAGES, *POSTS] if "{" in page])
def test_rows_of_another_tenant_are_not_found(there: dict[str, object], page: str) -> None:
    with core.in_another_tenant() as another:
        client = signed_in(core.owner())
    own = f"/tenants/{another.slug}/" + page.format_map(there)

    assert client.get(own).status_code in (404, 405)
    assert client.post(own).status_code == 404
    assert IdentityProvider.objects.kept().count() == 1


@pytest.mark.parametrize("page", [*PAGES, *POSTS])
def test_operator_cannot_open_pages_with_people(there: dict[str, object], page: str) -> None:
    with core.in_another_tenant():
        operator = signed_in(core.owner(is_operator=True))

    assert operator.post(address(page, there)).status_code == 403


def test_operator_opens_the_settings(there: dict[str, object]) -> None:
    with core.in_another_tenant():
        operator = signed_in(core.owner(is_operator=True))

    assert operator.get(address(SETTINGS, there)).status_code == 200
    assert operator.get("/tenants/nowhere/settings/").status_code == 404
