"""Sign-out after an OpenID Connect sign-in, and back-channel logout."""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.test import Client

from people.models import Tenant
from provisioning.models import IdentityProvider
from tests.factories import core
from tests.services.fake_openid import CLIENT_ID, KEY, Json, OpenIdProvider, signed
from tests.support.openid_flow import connected, is_in, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    return connected(acme, openid)


NOW = int(time.time())


class TestSigningOut:
    def test_redirects_to_the_end_session_endpoint_of_the_provider(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(client, corp, openid)

        response = client.post("/sign-out/")

        asked = parse_qs(urlsplit(response["Location"]).query)
        assert response["Location"].startswith(f"{openid.url}/end?")
        assert asked["client_id"] == [CLIENT_ID]
        assert jwt.decode(asked["id_token_hint"][0], options={"verify_signature": False})
        assert not is_in(client)

    def test_post_logout_redirect_uri_does_not_depend_on_the_host_header(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(client, corp, openid)

        response = client.post("/sign-out/", headers={"host": "localhost"})

        asked = parse_qs(urlsplit(response["Location"]).query)
        assert asked["post_logout_redirect_uri"] == ["http://127.0.0.1:8000/sign-in/acme/"]

    @pytest.mark.parametrize("named", [{"sid": "s-1"}, {"sid": None}], ids=str)
    def test_back_channel_logout_ends_the_session(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider, named: Json
    ) -> None:
        openid.user["sid"] = "s-1"
        sign_in(client, corp, openid)

        answer = log_out(Client(), corp, logout_token(openid, **named))

        assert answer.status_code == 200
        assert not is_in(client)

    def test_back_channel_logout_of_another_session_is_ignored(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.user["sid"] = "s-1"
        sign_in(client, corp, openid)

        log_out(Client(), corp, logout_token(openid, sid="s-2"))

        assert is_in(client)

    @pytest.mark.parametrize(
        "claims",
        [
            pytest.param({"events": {}}, id="no logout event"),
            pytest.param({"events": None}, id="no events"),
            pytest.param({"nonce": "x"}, id="a nonce"),
            pytest.param({"sub": None, "sid": None}, id="neither subject nor session"),
            pytest.param({"jti": None}, id="no id"),
            pytest.param({"aud": "another"}, id="another audience"),
            pytest.param({"iss": "https://evil.example"}, id="another issuer"),
            pytest.param({"iat": NOW - 3600}, id="issued an hour ago"),
        ],
    )
    def test_refuses_invalid_logout_token(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider, claims: Json
    ) -> None:
        sign_in(client, corp, openid)

        assert log_out(Client(), corp, logout_token(openid, **claims)).status_code == 400
        assert is_in(client)

    def test_refuses_a_logout_token_that_was_already_used(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        token = logout_token(openid)
        log_out(Client(), corp, token)
        sign_in(client, corp, openid)

        assert log_out(Client(), corp, token).status_code == 400
        assert is_in(client)


def logout_token(openid: OpenIdProvider, **claims: Any) -> str:
    usual = {
        "iss": openid.url,
        "aud": CLIENT_ID,
        "iat": int(time.time()),
        "jti": str(core.number()),
        "sub": "ada",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    values = {name: value for name, value in (usual | claims).items() if value is not None}
    return signed(values, KEY)


def log_out(client: Client, provider: IdentityProvider, token: str) -> Any:
    path = f"/sign-in/acme/{provider.pk}/backchannel-logout/"
    return client.post(path, {"logout_token": token})
