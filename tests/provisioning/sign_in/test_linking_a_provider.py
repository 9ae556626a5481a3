"""Linking a sign-in provider to one's own account."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.services.fake_openid import OpenIdProvider
from tests.support.openid_flow import connected, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def openid() -> Iterator[OpenIdProvider]:
    cache.clear()
    provider = OpenIdProvider(user={"sub": "ada-there", "email": "a.lovelace@elsewhere.example"})
    yield provider
    provider.stop()


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    return connected(acme, openid)


def link(client: Client, provider: IdentityProvider, openid: OpenIdProvider) -> Any:
    asked = client.post(f"/sign-in/acme/{provider.pk}/link/")
    back = openid.authorize(client.get(asked["Location"])["Location"])
    return client.get(back.removeprefix(django_settings.PUBLIC_BASE_URL))


def identities() -> list[Identity]:
    with tenancy.across_tenants():
        return list(Identity.objects.select_related("person"))


def test_account_page_offers_and_lists_linked_providers(
    ada: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    client = signed_in(ada)
    assert "Link <bdi>Corp</bdi>" in text_of(client.get("/home/"))

    assert link(client, corp, openid)["Location"] == "/home/"

    page = text_of(client.get("/home/"))
    assert "Link <bdi>Corp</bdi>" not in page
    assert "<bdi>ada-there</bdi> (linked it while signed in)" in page
    assert "<bdi>ada@acme.example</bdi> (managed in Ramp)" in page


def test_linked_provider_signs_the_person_in(
    ada: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    link(signed_in(ada), corp, openid)
    later = Client()
    sign_in(later, corp, openid)

    assert "Ada Lovelace" in text_of(later.get("/home/"))
    assert [one.person for one in identities()] == [ada]


def test_sign_in_without_the_link_request_does_not_link(
    ada: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    sign_in(signed_in(ada), corp, openid)

    assert ada not in [one.person for one in identities()]


def test_account_linked_to_another_person_is_refused(
    ada: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    link(signed_in(ada), corp, openid)
    with tenancy.use(ada.tenant):
        eve = core.person(email="eve@acme.example")

    response = link(signed_in(eve), corp, openid)

    assert response.status_code == 403
    assert [one.person for one in identities()] == [ada]
    with tenancy.use(ada.tenant):
        assert SignInAttempt.objects.latest("pk").reason == "somebody-else"


def test_linking_is_not_offered_to_scim_people(corp: IdentityProvider) -> None:
    with tenancy.use(corp.tenant):
        Provider(scim_connection("okta")).add("ada")
        theirs = Person.objects.get(email="ada@example.com")

    assert "Link <bdi>Corp</bdi>" not in text_of(signed_in(theirs).get("/home/"))


def test_linking_needs_a_post_with_csrf_token_and_session(
    ada: Person, corp: IdentityProvider
) -> None:
    client = signed_in(ada)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    address = f"/sign-in/acme/{corp.pk}/link/"

    assert client.get(address).status_code == 405
    assert strict.post(address).status_code == 403
    assert Client().post(address)["Location"].startswith("/sign-in/")


def test_provider_of_another_tenant_is_not_found(
    ada: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    other = connected(core.tenant(), openid)
    client = signed_in(ada)

    for slug in ("acme", other.tenant.slug):
        assert client.post(f"/sign-in/{slug}/{other.pk}/link/").status_code == 404


def test_person_page_shows_the_link_to_administrators(
    ada: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    link(signed_in(ada), corp, openid)
    with tenancy.use(ada.tenant):
        owner = Person.objects.active_owners().get()

    page = text_of(signed_in(owner).get(f"/people/{ada.pk}/"))

    assert "Sign-in methods" in page
    assert "ada-there" in page
