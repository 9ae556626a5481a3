"""Sign-in with OpenID Connect."""

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


class TestFirstSignIn:
    def test_adds_and_signs_in_the_person(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        response = sign_in(client, corp, openid)

        assert (response.status_code, response["Location"]) == (302, "/home/")
        assert "ada@acme.example" in people()
        assert is_in(client)

    def test_grants_the_mapped_role(
        self, client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        with tenancy.use(acme):
            mapping(corp, "finance", Person.Role.BOOKKEEPER)
        openid.user["groups"] = ["finance", "everyone"]

        sign_in(client, corp, openid)

        with tenancy.use(acme):
            ada = Person.objects.get(email="ada@acme.example")
            assert ada.role == Person.Role.BOOKKEEPER

    def test_redirects_to_the_page_that_was_requested(
        self, client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        with tenancy.use(acme):
            mapping(corp, "admins", Person.Role.ADMIN)
        openid.user["groups"] = ["admins"]

        back = openid.authorize(begun(client, corp, "?next=/people/departures/"))

        assert client.get(back)["Location"] == "/people/departures/"

    def test_authorization_request_has_pkce_state_and_nonce(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        asked = parse_qs(urlsplit(begun(client, corp)).query)

        assert asked["code_challenge_method"] == ["S256"]
        assert asked["scope"] == ["openid profile email"]
        assert {"state", "nonce", "code_challenge"} <= asked.keys()
        assert asked["redirect_uri"] == [f"http://127.0.0.1:8000/sign-in/acme/{corp.pk}/callback/"]

    def test_session_key_changes_at_sign_in(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        begun(client, corp)
        planted = client.session.session_key

        sign_in(client, corp, openid)

        assert client.session.session_key != planted

    def test_entra_subject_is_tenant_id_and_object_id(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.user |= {"tid": "t-1", "oid": "o-1", "sub": "pairwise"}

        sign_in(client, corp, openid)

        with tenancy.across_tenants():
            assert Identity.objects.get().subject == "t-1/o-1"


class TestGroupsClaim:
    @pytest.mark.parametrize(
        ("document", "warning"),
        [
            ({}, "the token has no claim “groups”"),
            ({"groups": None}, "the token has no claim “groups”"),
            ({"_claim_names": {"groups": "src1"}}, "overage"),
            ({"hasgroups": True}, "overage"),
            ({"groups": 7}, "is a number, not a list of groups"),
        ],
        ids=str,
    )
    def test_unknown_groups_keep_the_role_and_warn(
        self,
        client: Client,
        acme: Tenant,
        corp: IdentityProvider,
        openid: OpenIdProvider,
        document: Json,
        warning: str,
    ) -> None:
        with tenancy.use(acme):
            mapping(corp, "finance", Person.Role.BOOKKEEPER)
        openid.user["groups"] = ["finance"]
        sign_in(client, corp, openid)
        del openid.user["groups"]
        openid.user |= document

        sign_in(Client(), corp, openid)

        assert warning in the_attempt().warnings[0]
        with tenancy.use(acme):
            assert Person.objects.get(email=ADA["email"]).role == Person.Role.BOOKKEEPER

    def test_empty_groups_revoke_the_mapped_role(
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


def test_new_signing_key_of_the_provider_is_accepted_at_once(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    sign_in(client, corp, openid)
    openid.keys = [public(FOREIGN_KEY, "two")]
    openid.forge = lambda value: signed(value, FOREIGN_KEY, kid="two")
    elsewhere = Client()

    sign_in(elsewhere, corp, openid)

    assert is_in(elsewhere)


class TestSignInWhileSignedIn:
    def sessions(self) -> list[tuple[str, str]]:
        with tenancy.across_tenants():
            return list(ProviderSession.objects.values_list("session_key", "subject"))

    def test_repeated_sign_in_keeps_one_provider_session(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        for _ in range(3):
            assert sign_in(client, corp, openid)["Location"] == "/home/"

        assert is_in(client)
        assert self.sessions() == [(client.session.session_key, "ada")]

    def test_sign_in_in_two_tabs_leaves_one_provider_session(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        tabs = [openid.authorize(begun(client, corp)) for _ in range(2)]
        for back in tabs:
            client.get(back.removeprefix("http://127.0.0.1:8000"))

        assert is_in(client)
        assert self.sessions() == [(client.session.session_key, "ada")]

    def test_sign_in_as_another_person_replaces_the_session(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(client, corp, openid)
        openid.user |= {"sub": "eve", "email": "eve@acme.example"}

        sign_in(client, corp, openid)

        assert self.sessions() == [(client.session.session_key, "eve")]
        with tenancy.across_tenants():
            eve = Person.objects.get(email="eve@acme.example")
        assert client.session["_auth_user_id"] == str(eve.pk)
