"""Signing in and out on the pages."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from tests.factories import core

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def tenant() -> Tenant:
    return core.tenant(slug="acme", name="Acme")


@pytest.fixture
def olga(tenant: Tenant) -> Person:
    return person_of(tenant, role=Person.Role.OWNER)


def person_of(tenant: Tenant, **fields: Any) -> Person:
    with tenancy.use(tenant):
        return core.person(**{"email": "olga@example.com", "password": PASSWORD} | fields)


def sign_in(client: Client, address: str = "/sign-in/", **values: str) -> Any:
    return client.post(address, {"email": "olga@example.com", "password": PASSWORD} | values)


def test_administrator_is_redirected_to_the_overview(client: Client, olga: Person) -> None:
    assert sign_in(client)["Location"] == "/"
    assert client.get("/", follow=True).redirect_chain == [("/overview/", 302)]


def test_employee_is_redirected_to_home(client: Client, tenant: Tenant) -> None:
    person_of(tenant)

    assert sign_in(client)["Location"] == "/home/"
    assert b"Ada Lovelace" in client.get("/home/").content


def test_address_is_case_insensitive(client: Client, olga: Person) -> None:
    assert sign_in(client, email="OLGA@Example.com").status_code == 302


def test_invited_person_becomes_active_by_signing_in(client: Client, tenant: Tenant) -> None:
    olga = person_of(tenant, state=Person.State.INVITED)

    sign_in(client)

    assert Person._base_manager.get(pk=olga.pk).state == Person.State.ACTIVE


def test_session_key_changes_at_sign_in(client: Client, olga: Person) -> None:
    client.get("/sign-in/")
    session = client.session
    session["planted"] = "yes"
    session.save()
    before = session.session_key

    client.cookies["sessionid"] = before or ""
    sign_in(client)

    assert client.session.session_key != before


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"password": "wrong horse battery"}, id="wrong password"),
        pytest.param({"email": "nobody@example.com"}, id="unknown address"),
    ],
)
def test_wrong_password_and_unknown_address_get_the_same_message(
    client: Client, olga: Person, values: dict[str, str]
) -> None:
    response = sign_in(client, **values)

    assert b"Incorrect email or password." in response.content
    assert "_auth_user_id" not in client.session


def test_entered_password_is_not_rendered(client: Client, olga: Person) -> None:
    response = sign_in(client, password="a secret typed wrongly")

    assert b"a secret typed wrongly" not in response.content


def test_deactivated_person_is_referred_to_the_identity_provider(
    client: Client, tenant: Tenant
) -> None:
    person_of(tenant, state=Person.State.INACTIVE, deactivated_by="scim:okta")

    assert b"identity provider" in sign_in(client).content


def test_suspended_tenant_is_explained(client: Client, tenant: Tenant) -> None:
    person_of(tenant)
    Tenant.objects.filter(pk=tenant.pk).update(is_active=False)

    assert b"This company is suspended" in client.get("/sign-in/acme/").content
    assert b"Acme is suspended" in sign_in(client).content


def test_each_tenant_has_its_own_sign_in_page(client: Client, olga: Person) -> None:
    core.tenant(slug="other")

    assert b"Acme" in client.get("/sign-in/acme/").content
    assert sign_in(client, "/sign-in/other/").status_code == 200
    assert sign_in(client, "/sign-in/acme/").status_code == 302


def test_unknown_tenant_has_no_sign_in_page(client: Client) -> None:
    assert client.get("/sign-in/nobody/").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/people/departments/", "/people/departments/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("\\\\evil.example", "/"),
        ("", "/"),
    ],
)
def test_next_redirects_only_to_own_pages(
    client: Client, olga: Person, wanted: str, reached: str
) -> None:
    response = sign_in(client, f"/sign-in/?{urlencode({'next': wanted})}")

    assert response["Location"] == reached


def test_signed_in_person_skips_the_sign_in_page(client: Client, olga: Person) -> None:
    sign_in(client)

    assert client.get("/sign-in/")["Location"] == "/"


def test_signing_out_needs_a_post(client: Client, olga: Person) -> None:
    sign_in(client)

    assert client.get("/sign-out/").status_code == 405
    assert client.get("/people/").status_code == 200

    response = client.post("/sign-out/", follow=True)

    assert b"You have signed out." in response.content
    assert client.get("/people/").status_code == 302


@pytest.mark.parametrize("address", ["/sign-in/", "/sign-out/"])
def test_another_site_cannot_sign_a_person_in_or_out(olga: Person, address: str) -> None:
    client = Client(enforce_csrf_checks=True)

    assert sign_in(client, address).status_code == 403


def test_form_has_autocomplete_attributes(client: Client) -> None:
    page = client.get("/sign-in/").content

    assert b'autocomplete="username"' in page
    assert b'autocomplete="current-password"' in page
