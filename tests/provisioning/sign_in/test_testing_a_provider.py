"""The test sign-in of an administrator through a draft provider."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.support import openid_flow
from tests.support.openid_flow import is_in, the_attempt

pytestmark = pytest.mark.django_db

PROVIDERS = "/tenants/acme/auth-providers/"


@pytest.fixture
def olga(acme: Tenant) -> Person:
    with tenancy.use(acme):
        return core.owner(email="olga@acme.example")


@pytest.fixture
def client(acme: Tenant, olga: Person) -> Client:
    with tenancy.use(acme):
        return signed_in(olga)


@pytest.fixture
def draft(client: Client, openid: OpenIdProvider) -> IdentityProvider:
    client.post(
        f"{PROVIDERS}add/oidc/",
        {
            "name": "Corp",
            "provisions_people": "on",
            "browsing": "off",
            "issuer": openid.url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scopes": "openid email",
            "groups_claim": "groups",
        },
    )
    with tenancy.across_tenants():
        return IdentityProvider.objects.select_related("tenant").get()


def begin(client: Client, draft: IdentityProvider) -> str:
    response = client.post(f"{PROVIDERS}{draft.pk}/test-sign-in/")
    assert response["Location"] == f"/sign-in/acme/{draft.pk}/"
    return str(response["Location"])


def test_successful_test_shows_the_provider_on_the_sign_in_page(
    client: Client, olga: Person, draft: IdentityProvider, openid: OpenIdProvider
) -> None:
    begin(client, draft)

    response = openid_flow.sign_in(client, draft, openid)

    assert response["Location"] == f"{PROVIDERS}{draft.pk}/"
    page = text_of(client.get(response["Location"]))
    assert "Corp identified you as ada@acme.example. The sign-in page shows it." in page
    assert "Sign in with <bdi>Corp" in text_of(Client().get("/sign-in/acme/"))
    assert (the_attempt().outcome, the_attempt().person_id) == ("tested", olga.pk)
    assert "Test sign-in succeeded" in text_of(client.get("/tenants/acme/log/"))


def test_test_does_not_change_who_is_signed_in(
    client: Client, olga: Person, draft: IdentityProvider, openid: OpenIdProvider
) -> None:
    begin(client, draft)

    openid_flow.sign_in(client, draft, openid)

    assert client.session["_auth_user_id"] == str(olga.pk)
    with tenancy.across_tenants():
        assert Person.objects.get() == olga
        assert not Identity.objects.exists()


def test_only_the_next_sign_in_is_a_test(
    client: Client, draft: IdentityProvider, openid: OpenIdProvider
) -> None:
    begin(client, draft)
    openid_flow.sign_in(client, draft, openid)
    client.logout()

    openid_flow.sign_in(client, draft, openid)

    assert the_attempt().outcome == "created"


def test_refused_test_leaves_a_draft(
    client: Client, draft: IdentityProvider, openid: OpenIdProvider
) -> None:
    begin(client, draft)
    client.get(f"/sign-in/acme/{draft.pk}/")

    client.get(f"/sign-in/acme/{draft.pk}/callback/?error=access_denied&state=x")

    assert "Sign in with" not in text_of(Client().get("/sign-in/acme/"))


def test_draft_is_not_found_without_a_test(
    client: Client, acme: Tenant, draft: IdentityProvider
) -> None:
    begin(client, draft)
    with tenancy.use(acme):
        others = [Client(), signed_in(core.owner(email="otto@acme.example"))]
    for other in others:
        assert other.get(f"/sign-in/acme/{draft.pk}/").status_code == 404
        assert other.get(f"/sign-in/acme/{draft.pk}/callback/").status_code == 404

    client.logout()

    assert client.get(f"/sign-in/acme/{draft.pk}/").status_code == 404


def test_test_expires_after_15_minutes(client: Client, draft: IdentityProvider) -> None:
    address = begin(client, draft)

    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert client.get(address).status_code == 404


def test_test_ends_when_the_person_is_no_longer_an_administrator(
    client: Client, acme: Tenant, olga: Person, draft: IdentityProvider
) -> None:
    address = begin(client, draft)
    with tenancy.use(acme):
        Person.objects.filter(pk=olga.pk).update(role=Person.Role.CARDHOLDER)

    assert client.get(address).status_code == 404


def test_only_administrators_can_test(acme: Tenant, draft: IdentityProvider) -> None:
    with tenancy.use(acme):
        employee = signed_in(core.person(email="eve@acme.example"))

    for client in (employee, Client()):
        response = client.post(f"{PROVIDERS}{draft.pk}/test-sign-in/")
        assert response["Location"].startswith("/sign-in/?next=")
        assert client.get(f"/sign-in/acme/{draft.pk}/").status_code == 404
    assert not is_in(Client())
    with tenancy.across_tenants():
        assert not SignInAttempt.objects.exists()
