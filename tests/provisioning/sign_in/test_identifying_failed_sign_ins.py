"""The provider log and the access diagnosis identify whose sign-in failed."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.test import Client

from people.models import Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import text_of
from tests.services.active_directory import ActiveDirectory
from tests.services.fake_openid import OpenIdProvider
from tests.support.active_directory import added, present, token, unused_name
from tests.support.openid_flow import begun, connected, sign_in, the_attempt

pytestmark = pytest.mark.django_db

ADA = "ada@acme.example"


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    return connected(acme, openid)


@pytest.fixture
def admin(owner_client: Client) -> Client:
    return owner_client


def diagnosed(admin: Client, who: str) -> str:
    return text_of(admin.get(f"/people/why/?who={quote(who)}"))


def logged(admin: Client, who: str) -> str:
    return text_of(admin.get(f"/tenants/acme/log/?q={quote(who)}"))


class TestOpenIdSignIn:
    def test_identified_by_the_id_token_if_a_later_step_fails(
        self, admin: Client, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.userinfo = {"sub": "victim"}
        sign_in(client, corp, openid)

        attempt = the_attempt()
        assert (attempt.reason, attempt.subject, attempt.email) == ("other-userinfo", "ada", ADA)
        assert "the sign-in failed" in diagnosed(admin, ADA)

    def test_identified_as_the_person_with_the_known_subject(
        self, admin: Client, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(Client(), corp, openid)
        known = the_attempt().person
        openid.userinfo = {"sub": "victim"}
        sign_in(client, corp, openid)

        assert known
        assert the_attempt().person == known

    @pytest.mark.parametrize("claim", ["preferred_username", "upn", "unique_name"])
    def test_identified_by_the_login_name_without_an_address(
        self,
        admin: Client,
        client: Client,
        corp: IdentityProvider,
        openid: OpenIdProvider,
        claim: str,
    ) -> None:
        openid.claims = {"email": None, claim: "ada.l"}
        openid.userinfo = {"sub": "ada"}
        sign_in(client, corp, openid)

        assert (the_attempt().reason, the_attempt().email) == ("no-email", "ada.l")
        assert "sent no email address" in diagnosed(admin, "ada.l")
        assert "ada.l" in logged(admin, "ada.l")

    def test_identified_by_the_entered_address_if_the_provider_refuses(
        self, admin: Client, client: Client, corp: IdentityProvider
    ) -> None:
        address = begun(client, corp, f"?login_hint={ADA}")
        state = parse_qs(urlsplit(address).query)["state"][0]
        answer = f"error=access_denied&error_description=Not+assigned&state={state}"
        client.get(f"/sign-in/acme/{corp.pk}/callback/?{answer}")

        assert the_attempt().email == ADA
        assert "The provider refused the sign-in: “Not assigned”" in diagnosed(admin, ADA)

    def test_unverified_token_identifies_no_person(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.claims = {"nonce": "another"}
        sign_in(client, corp, openid)

        attempt = the_attempt()
        assert (attempt.reason, attempt.subject, attempt.email) == ("bad-token", "", "")


class TestWindowsSignIn:
    def test_identified_by_the_directory_entry(
        self, admin: Client, client: Client, acme: Tenant, active_directory: ActiveDirectory
    ) -> None:
        name = unused_name()
        added(acme, active_directory.document())
        windows = added(acme, active_directory.windows_document())
        dn = active_directory.add_person(name)
        result = token(active_directory.ticket(name))
        active_directory.change(dn, userAccountControl="514")

        present(result, windows, client)

        principal = f"{name}@CORP.EXAMPLE.COM"
        attempt = the_attempt()
        assert (attempt.subject, attempt.email) == (principal, f"{name}@example.com")
        assert f"The ticket is for “{principal}”, which is {dn}." in attempt.detail
        for form in (name, f"CORP\\{name}", principal, f"{name}@example.com"):
            assert f"The account of {form} is disabled" in diagnosed(admin, form)
        for form in (name, principal, f"{name}@example.com", dn):
            assert dn in logged(admin, form)
