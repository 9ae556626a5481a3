"""Which pages visitors, employees, administrators and operators can open."""

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from tests.clients.pages import signed_in
from tests.factories import core

pytestmark = pytest.mark.django_db

LISTS = [f"/people/{rows}" for rows in ("", "departments/", "locations/", "entities/", "roles/")]
ADMINISTRATOR_PAGES = [
    *LISTS,
    *("/people/add/", "/people/export/", "/people/departments/add/", "/people/roles/add/"),
    "/overview/",
    "/people/why/",
    "/people/departures/",
]


@pytest.mark.parametrize("address", ["/", *ADMINISTRATOR_PAGES, "/tenants/", "/home/"])
def test_visitors_without_session_are_redirected_to_sign_in(address: str) -> None:
    response = Client().get(address)

    assert response.status_code == 302
    assert response["Location"] == f"/sign-in/?next={address}"


@pytest.mark.parametrize("address", ADMINISTRATOR_PAGES)
@pytest.mark.parametrize("role", Person.ADMINISTERING)
def test_administrators_can_open_pages_of_their_company(
    tenant: Tenant, role: str, address: str
) -> None:
    assert signed_in(core.administrator(role=role)).get(address).status_code == 200


@pytest.mark.parametrize("address", ["/", *ADMINISTRATOR_PAGES, "/tenants/"])
def test_employees_are_redirected_to_home(tenant: Tenant, address: str) -> None:
    response = signed_in(core.person()).get(address, follow=True)

    assert response.redirect_chain[-1] == ("/home/", 302)


def test_administrators_are_redirected_from_root_to_the_overview(tenant: Tenant) -> None:
    client = signed_in(core.administrator())

    assert client.get("/", follow=True).redirect_chain[-1][0] == "/overview/"


@pytest.mark.parametrize("address", ADMINISTRATOR_PAGES)
def test_operators_cannot_open_pages_about_people(tenant: Tenant, address: str) -> None:
    assert signed_in(core.owner(is_operator=True)).get(address).status_code == 403


def test_operators_see_the_names_of_all_tenants_and_no_people(tenant: Tenant) -> None:
    core.person(family_name="Secret")
    with core.in_another_tenant() as another:
        operator = core.owner(is_operator=True)

    client = signed_in(operator)
    page = client.get("/", follow=True).content.decode()

    assert tenant.name in page
    assert another.name in page
    assert "Secret" not in page


@pytest.mark.parametrize(
    "page", ["", "edit/", "deactivate/", "reactivate/", "terminate/", "scheduled-termination/plan/"]
)
def test_person_of_another_company_is_not_found(tenant: Tenant, page: str) -> None:
    with core.in_another_tenant():
        stranger = core.person()

    client = signed_in(core.administrator())

    assert client.get(f"/people/{stranger.pk}/{page}").status_code == 404
    assert client.post(f"/people/{stranger.pk}/{page}").status_code == 404


def test_department_of_another_company_is_not_found(tenant: Tenant) -> None:
    with core.in_another_tenant():
        department = core.department()
    client = signed_in(core.administrator())

    for page in ("change", "delete"):
        assert client.get(f"/people/departments/{department.pk}/{page}/").status_code == 404


def test_autocomplete_of_managers_finds_only_people_of_the_company(tenant: Tenant) -> None:
    with core.in_another_tenant():
        core.person(family_name="Lovelace")
    ada = core.person(given_name="Ada", family_name="Lovelace")
    query = {"app_label": "people", "model_name": "person", "field_name": "manager", "term": "love"}

    found = signed_in(core.administrator()).get("/autocomplete/", query).json()["results"]

    assert found == [{"id": str(ada.pk), "text": "Ada Lovelace"}]


def test_tenant_parameter_does_not_show_another_company(tenant: Tenant) -> None:
    with core.in_another_tenant() as another:
        core.person(family_name="Stranger")

    response = signed_in(core.administrator()).get("/people/", {"tenant": another.pk})

    assert b"Stranger" not in response.content


def test_filters_on_hidden_columns_are_refused(tenant: Tenant) -> None:
    client = signed_in(core.administrator())

    for column in ("password__startswith", "email_key", "tenant", "manager__password__startswith"):
        assert client.get("/people/", {column: "x"}).status_code == 400


def test_deactivated_administrator_is_signed_out_at_the_next_request(tenant: Tenant) -> None:
    administrator = core.administrator()
    client = signed_in(administrator)
    assert client.get("/people/").status_code == 200

    Person.objects.filter(pk=administrator.pk).update(
        state="inactive", deactivated_at=administrator.created_at
    )

    assert client.get("/people/").status_code == 302


def test_administrator_of_a_suspended_tenant_is_signed_out(tenant: Tenant) -> None:
    client = signed_in(core.administrator())

    with tenancy.across_tenants():
        Tenant.objects.filter(pk=tenant.pk).update(is_active=False)

    assert client.get("/people/").status_code == 302
