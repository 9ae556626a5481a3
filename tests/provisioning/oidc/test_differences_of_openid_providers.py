"""Sign-in with OpenID providers that differ in userinfo, client authentication or keys."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider
from tests.factories import core
from tests.services.fake_openid import (
    CLIENT_ID,
    FOREIGN_KEY,
    KEY,
    Json,
    OpenIdProvider,
    public,
    signed,
)
from tests.support.openid_flow import ADA, begun, connected, is_in, people, sign_in, the_attempt
from tests.support.sign_in_flow import mapping

pytestmark = pytest.mark.django_db

TENANT, OTHER_TENANT = (
    "1a2b3c4d-0000-4000-8000-000000000001",
    "1a2b3c4d-0000-4000-8000-000000000002",
)


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    with tenancy.use(acme):
        core.owner()
    return connected(acme, openid)


class TestUserinfoUnavailable:
    @pytest.mark.parametrize(
        "answer", [(503, b""), (200, b"<html>"), (401, b"{}"), (200, b"[]")], ids=str
    )
    def test_id_token_with_the_full_profile_is_enough(
        self,
        client: Client,
        corp: IdentityProvider,
        openid: OpenIdProvider,
        answer: tuple[int, bytes],
    ) -> None:
        openid.instead["/userinfo"] = answer

        sign_in(client, corp, openid)

        assert is_in(client)
        assert "The ID token has the profile, so it was used alone." in the_attempt().warnings[0]

    @pytest.mark.parametrize("missing", ["email", "given_name"])
    def test_sign_in_fails_if_the_id_token_lacks_the_profile(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider, missing: str
    ) -> None:
        openid.user.pop(missing)
        openid.instead["/userinfo"] = (503, b"")

        sign_in(client, corp, openid)

        assert not is_in(client)
        assert the_attempt().reason == "not-ok"

    def test_role_from_userinfo_groups_is_kept(
        self, client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        with tenancy.use(acme):
            mapping(corp, "finance", Person.Role.BOOKKEEPER)
        openid.userinfo = ADA | {"groups": ["finance"]}
        sign_in(client, corp, openid)
        openid.instead["/userinfo"] = (503, b"")

        sign_in(Client(), corp, openid)

        with tenancy.use(acme):
            assert Person.objects.get(email=ADA["email"]).role == Person.Role.BOOKKEEPER

    def test_id_token_does_not_verify_the_address_in_userinfo(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        """`email_verified` of the ID token applies only to the address in the ID token."""
        corp.admission = {"email_domains": ["victim.example"]}
        corp.settings |= {"issuer": openid.url}
        corp.save()
        openid.userinfo = {"sub": "ada", "email": "ada@victim.example", "email_verified": False}

        sign_in(client, corp, openid)

        assert the_attempt().reason == "not-admitted"


class FormProvider(OpenIdProvider):
    """Lists two methods of client authentication, but accepts only client_secret_post."""

    secret = "the client's secret"

    def answer(self, path: str, form: Any, headers: Any) -> tuple[int, Any]:
        if path == "/token":
            if form.get("client_secret") != self.secret:
                return 401, {"error": "invalid_client"}
            shown = base64.b64encode(b"ramp:the%20client%27s%20secret").decode()
            headers = {"Authorization": f"Basic {shown}"}
        return super().answer(path, form, headers)


class TestClientSecretPost:
    @pytest.fixture
    def openid(self) -> Iterator[FormProvider]:
        cache.clear()
        methods = ["client_secret_basic", "client_secret_post"]
        provider = FormProvider(
            user=dict(ADA), discovery={"token_endpoint_auth_methods_supported": methods}
        )
        yield provider
        provider.stop()

    def test_is_tried_after_client_secret_basic_is_refused(
        self, client: Client, corp: IdentityProvider, openid: FormProvider
    ) -> None:
        sign_in(client, corp, openid)

        assert is_in(client)
        assert openid.asked.count("/token") == 2

    def test_sign_in_fails_with_a_wrong_secret(
        self, client: Client, corp: IdentityProvider, openid: FormProvider
    ) -> None:
        openid.secret = "another"

        sign_in(client, corp, openid)

        assert not is_in(client)
        assert the_attempt().detail.endswith("Check the client ID and client secret.")

    @pytest.mark.parametrize(
        "methods",
        [[], ["client_secret_basic"], ["client_secret_basic", "private_key_jwt"]],
        ids=str,
    )
    def test_is_not_tried_unless_the_discovery_lists_it(
        self, client: Client, corp: IdentityProvider, openid: FormProvider, methods: list[str]
    ) -> None:
        openid.discovery = {"token_endpoint_auth_methods_supported": methods}

        sign_in(client, corp, openid)

        assert not is_in(client)
        assert openid.asked.count("/token") == 1

    def test_is_not_tried_after_another_error_than_invalid_client(
        self, client: Client, corp: IdentityProvider, openid: FormProvider
    ) -> None:
        openid.instead["/token"] = (400, b'{"error": "invalid_grant"}')

        sign_in(client, corp, openid)

        assert openid.asked.count("/token") == 1


class SigningProvider(OpenIdProvider):
    """Signs its userinfo responses (OpenID Connect Core 1.0, section 5.3.2)."""

    key: Any = KEY
    changes: Json = {}

    def answer(self, path: str, form: Any, headers: Any) -> tuple[int, Any]:
        if path == "/userinfo":
            values = {"iss": self.url, "aud": CLIENT_ID, **self.user, **self.changes}
            return 200, signed({k: v for k, v in values.items() if v is not None}, self.key)
        return super().answer(path, form, headers)

    def content_type(self, path: str) -> str:
        return "application/jwt" if path == "/userinfo" else super().content_type(path)


class TestSignedUserinfo:
    @pytest.fixture
    def openid(self) -> Iterator[SigningProvider]:
        cache.clear()
        # The profile is in the userinfo response alone.
        provider = SigningProvider(user=dict(ADA), claims={"email": None, "given_name": None})
        yield provider
        provider.stop()

    @pytest.mark.parametrize(
        "changes", [{}, {"aud": [CLIENT_ID]}, {"iss": None, "aud": None}], ids=str
    )
    def test_profile_is_read_from_a_signed_userinfo_response(
        self, client: Client, corp: IdentityProvider, openid: SigningProvider, changes: Json
    ) -> None:
        openid.changes = changes

        sign_in(client, corp, openid)

        assert is_in(client)
        assert "ada@acme.example" in people()

    @pytest.mark.parametrize(
        "changes", [{"aud": "another"}, {"iss": "https://evil.example"}, {"exp": 1}], ids=str
    )
    def test_refuses_wrong_audience_wrong_issuer_and_expired_response(
        self, client: Client, corp: IdentityProvider, openid: SigningProvider, changes: Json
    ) -> None:
        openid.changes = changes

        sign_in(client, corp, openid)

        assert not is_in(client)
        assert the_attempt().reason == "bad-userinfo"

    def test_refuses_signature_with_a_foreign_key(
        self, client: Client, corp: IdentityProvider, openid: SigningProvider
    ) -> None:
        openid.key = FOREIGN_KEY

        sign_in(client, corp, openid)

        assert not is_in(client)
        assert the_attempt().reason == "bad-userinfo"


class TestKeyReplacedUnderTheSameKeyId:
    def test_keys_are_fetched_again(self, corp: IdentityProvider, openid: OpenIdProvider) -> None:
        sign_in(Client(), corp, openid)
        openid.keys = [public(FOREIGN_KEY)]
        openid.forge = lambda value: signed(value, FOREIGN_KEY)
        client = Client()

        sign_in(client, corp, openid)

        assert is_in(client)

    def test_forged_tokens_do_not_fetch_the_keys_each_time(
        self, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(Client(), corp, openid)
        openid.forge = lambda value: signed(value, FOREIGN_KEY)
        openid.asked.clear()

        for _ in range(4):
            assert sign_in(Client(), corp, openid).status_code == 400

        assert openid.asked.count("/keys") == 1


class TestUsedCallbackUrl:
    def test_redirects_to_home_while_signed_in(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        back = openid.authorize(begun(client, corp))
        client.get(back)

        again = client.get(back)

        assert (again.status_code, again["Location"]) == (302, "/home/")
        assert is_in(client)

    def test_is_refused_in_another_browser(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        back = openid.authorize(begun(client, corp))
        client.get(back)

        assert Client().get(back).status_code == 400

    def test_is_refused_for_a_person_of_another_tenant(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        elsewhere = core.tenant(slug="other", name="Other")
        with tenancy.use(elsewhere):
            client.force_login(core.person(email="eve@other.example"))

        assert client.get(f"/sign-in/acme/{corp.pk}/callback/?state=x&code=y").status_code == 400


class MultiTenantEntra(OpenIdProvider):
    """Entra's issuers `common` and `organizations`: discovery names a template of the issuer."""

    def answer(self, path: str, form: Any, headers: Any) -> tuple[int, Any]:
        for name in ("common", "organizations", "consumers"):
            path = path.removeprefix(f"/{name}/v2.0")
        return super().answer(path, form, headers)

    def tenant(self, tid: str) -> None:
        """Have accounts of this organization sign in."""
        self.user |= {"tid": tid, "oid": "o-1", "sub": "pairwise", "iss": f"{self.url}/{tid}/v2.0"}


class TestEntraIssuerForSeveralOrganizations:
    @pytest.fixture
    def openid(self) -> Iterator[MultiTenantEntra]:
        cache.clear()
        provider = MultiTenantEntra(user=dict(ADA))
        provider.discovery = {"issuer": provider.url + "/{tenantid}/v2.0"}
        provider.keys = [public(KEY) | {"issuer": provider.url + "/{tenantid}/v2.0"}]
        provider.tenant(TENANT)
        yield provider
        provider.stop()

    @pytest.fixture(params=["common", "organizations"])
    def entra(
        self, request: pytest.FixtureRequest, acme: Tenant, openid: MultiTenantEntra
    ) -> IdentityProvider:
        issuer = f"{openid.url}/{request.param}/v2.0"
        restriction = {"entra_tenants": [TENANT.upper()]}
        return connected(acme, openid, issuer=issuer, restrict_to=restriction)

    def test_adds_people_of_an_allowed_organization(
        self, client: Client, entra: IdentityProvider, openid: MultiTenantEntra
    ) -> None:
        sign_in(client, entra, openid)

        assert is_in(client)
        assert the_attempt().subject == f"{TENANT}/o-1"

    def test_refuses_people_of_another_organization(
        self, client: Client, entra: IdentityProvider, openid: MultiTenantEntra
    ) -> None:
        openid.tenant(OTHER_TENANT)

        sign_in(client, entra, openid)

        assert not is_in(client)
        assert the_attempt().reason == "not-admitted"

    @pytest.mark.parametrize(
        "changes",
        [
            {"tid": OTHER_TENANT},
            {"tid": None},
            {"tid": [TENANT]},
            {"tid": "common"},
            {"tid": "{tenantid}", "iss": "{url}/{tenantid}/v2.0"},
            {"iss": "{url}/common/v2.0"},
            {"iss": "https://evil.example/" + TENANT + "/v2.0"},
        ],
        ids=str,
    )
    def test_refuses_a_token_whose_issuer_does_not_match_its_tid(
        self, client: Client, entra: IdentityProvider, openid: MultiTenantEntra, changes: Json
    ) -> None:
        openid.claims = {
            name: value.replace("{url}", openid.url) if isinstance(value, str) else value
            for name, value in changes.items()
        }

        sign_in(client, entra, openid)

        assert not is_in(client)
        assert the_attempt().reason == "bad-token"

    def test_refuses_a_key_that_belongs_to_another_issuer(
        self, client: Client, entra: IdentityProvider, openid: MultiTenantEntra
    ) -> None:
        openid.keys = [public(KEY) | {"issuer": f"{openid.url}/{OTHER_TENANT}/v2.0"}]

        sign_in(client, entra, openid)

        assert not is_in(client)

    def test_adds_no_people_without_a_list_of_organizations(
        self, client: Client, entra: IdentityProvider, openid: MultiTenantEntra
    ) -> None:
        with tenancy.use(entra.tenant):
            IdentityProvider.objects.filter(pk=entra.pk).update(admission={})

        sign_in(client, entra, openid)

        assert the_attempt().reason == "provider-unrestricted"

    def test_refuses_an_issuer_template_of_another_address(
        self, client: Client, acme: Tenant, openid: MultiTenantEntra
    ) -> None:
        provider = connected(acme, openid, issuer=f"{openid.url}/consumers/v2.0")

        response = client.get(f"/sign-in/acme/{provider.pk}/")

        assert response.status_code == 400
        assert the_attempt().reason == "issuer-mismatch"
