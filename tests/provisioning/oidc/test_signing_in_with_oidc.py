"""Signing in with OpenID Connect …"""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import Identity, IdentityProvider, ProviderSession
from tests.services.fake_openid import FOREIGN_KEY, Json, OpenIdProvider, public, signed
from tests.support.openid_flow import ADA, begun, connected, is_in, people, sign_in, the_attempt
from tests.support.sign_in_flow import mapping

pytestmark = pytest.mark.django_db


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    return connected(acme, openid)


class TestTheFirstTime:
    def test_adds_the_person_and_lets_them_in(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        response = sign_in(client, corp, openid)

        assert (response.status_code, response["Location"]) == (302, "/home/")
        assert "ada@acme.example" in people()
        assert is_in(client)

    def test_gives_the_mapped_role(
        self, client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        with tenancy.use(acme):
            mapping(corp, "finance", Person.Role.BOOKKEEPER)
        openid.user["groups"] = ["finance", "everyone"]

        sign_in(client, corp, openid)

        with tenancy.use(acme):
            ada = Person.objects.get(email="ada@acme.example")
            assert ada.role == Person.Role.BOOKKEEPER

    def test_leads_to_where_they_were_going(
        self, client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        with tenancy.use(acme):
            mapping(corp, "admins", Person.Role.ADMIN)
        openid.user["groups"] = ["admins"]

        back = openid.authorize(begun(client, corp, "?next=/people/departures/"))

        assert client.get(back)["Location"] == "/people/departures/"

    def test_asks_with_pkce_a_state_and_a_nonce(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        asked = parse_qs(urlsplit(begun(client, corp)).query)

        assert asked["code_challenge_method"] == ["S256"]
        assert asked["scope"] == ["openid profile email"]
        assert {"state", "nonce", "code_challenge"} <= asked.keys()
        assert asked["redirect_uri"] == [f"http://127.0.0.1:8000/sign-in/acme/{corp.pk}/callback/"]

    def test_begins_a_new_session(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        begun(client, corp)
        planted = client.session.session_key

        sign_in(client, corp, openid)

        assert client.session.session_key != planted

    def test_knows_people_of_entra_by_tenant_and_object(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.user |= {"tid": "t-1", "oid": "o-1", "sub": "pairwise"}

        sign_in(client, corp, openid)

        with tenancy.across_tenants():
            assert Identity.objects.get().subject == "t-1/o-1"


class TestGroups:
    @pytest.mark.parametrize(
        ("said", "warning"),
        [
            ({}, "the token has no claim “groups”"),
            ({"groups": None}, "the token has no claim “groups”"),
            ({"_claim_names": {"groups": "src1"}}, "overage"),
            ({"hasgroups": True}, "overage"),
            ({"groups": 7}, "is a number, not a list of groups"),
        ],
    )
    def test_that_are_unknown_change_nothing_and_warn(
        self,
        client: Client,
        acme: Tenant,
        corp: IdentityProvider,
        openid: OpenIdProvider,
        said: Json,
        warning: str,
    ) -> None:
        with tenancy.use(acme):
            mapping(corp, "finance", Person.Role.BOOKKEEPER)
        openid.user["groups"] = ["finance"]
        sign_in(client, corp, openid)
        del openid.user["groups"]
        openid.user |= said

        sign_in(Client(), corp, openid)

        assert warning in the_attempt().warnings[0]
        with tenancy.use(acme):
            assert Person.objects.get(email=ADA["email"]).role == Person.Role.BOOKKEEPER

    def test_that_are_none_any_more_take_the_role(
        self, client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        with tenancy.use(acme):
            mapping(corp, "finance", Person.Role.BOOKKEEPER)
        openid.user["groups"] = ["finance"]
        sign_in(client, corp, openid)
        openid.user["groups"] = []

        sign_in(Client(), corp, openid)

        with tenancy.use(acme):
            assert Person.objects.get(email=ADA["email"]).role == Person.Role.CARDHOLDER


def test_takes_a_new_key_as_soon_as_the_provider_does(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    sign_in(client, corp, openid)
    openid.keys = [public(FOREIGN_KEY, "two")]
    openid.forge = lambda said: signed(said, FOREIGN_KEY, kid="two")
    elsewhere = Client()

    sign_in(elsewhere, corp, openid)

    assert is_in(elsewhere)


class TestAgainWhileSignedIn:
    def sessions(self) -> list[tuple[str, str]]:
        with tenancy.across_tenants():
            return list(ProviderSession.objects.values_list("session_key", "subject"))

    def test_stays_in_by_one_session(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        for _ in range(3):
            assert sign_in(client, corp, openid)["Location"] == "/home/"

        assert is_in(client)
        assert self.sessions() == [(client.session.session_key, "ada")]

    def test_of_two_tabs_the_later_one_counts(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        tabs = [openid.authorize(begun(client, corp)) for _ in range(2)]
        for back in tabs:
            client.get(back.removeprefix("http://127.0.0.1:8000"))

        assert is_in(client)
        assert self.sessions() == [(client.session.session_key, "ada")]

    def test_as_somebody_else_is_them(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(client, corp, openid)
        openid.user |= {"sub": "eve", "email": "eve@acme.example"}

        sign_in(client, corp, openid)

        assert self.sessions() == [(client.session.session_key, "eve")]
        with tenancy.across_tenants():
            eve = Person.objects.get(email="eve@acme.example")
        assert client.session["_auth_user_id"] == str(eve.pk)
