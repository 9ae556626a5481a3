"""Refused OpenID Connect sign-ins, and the reason in the provider log."""

import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client

from people import tenancy
from people.models import Tenant
from people.values import Actor
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from tests.factories import core
from tests.services.fake_openid import CLIENT_SECRET, FOREIGN_KEY, KEY, Json, OpenIdProvider, signed
from tests.support.openid_flow import begun, connected, is_in, people, sign_in, the_attempt

pytestmark = pytest.mark.django_db


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    return connected(acme, openid)


def without(name: str) -> Callable[[Json], str]:
    return lambda item: signed({key: value for key, value in item.items() if key != name})


def changed(**news: Any) -> Callable[[Json], str]:
    return lambda value: signed(value | news)


def unsigned(document: Json) -> str:
    return jwt.encode(document, "", algorithm="none")


def with_secret(document: Json) -> str:
    return jwt.encode(document, CLIENT_SECRET * 3, algorithm="HS256", headers={"kid": "one"})


def with_public_key(document: Json) -> str:
    """Sign by HMAC with the public key as the secret (algorithm confusion)."""
    key = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed_part = ".".join(
        jwt.utils.base64url_encode(json.dumps(part).encode()).decode()
        for part in ({"alg": "HS256", "kid": "one"}, document)
    )
    signature = hmac.digest(key, signed_part.encode(), "sha256")
    return f"{signed_part}.{jwt.utils.base64url_encode(signature).decode()}"


def tampered(document: Json) -> str:
    head, _, signature = signed(document).split(".")
    other = signed(document | {"sub": "victim"}).split(".")[1]
    return f"{head}.{other}.{signature}"


NOW = int(time.time())
FORGED: dict[str, Callable[[Json], str]] = {
    "a foreign signature": lambda said: signed(said, FOREIGN_KEY),
    "no signature": unsigned,
    "the client's secret as the key": with_secret,
    "the public key as the secret": with_public_key,
    "a changed body": tampered,
    "an unknown key": lambda said: signed(said, FOREIGN_KEY, kid="two"),
    "another algorithm than the key's": lambda said: signed(said, alg="RS512"),
    "no issuer": without("iss"),
    "another issuer": changed(iss="https://evil.example"),
    "the issuer with a slash": lambda said: signed(said | {"iss": said["iss"] + "/"}),
    "no audience": without("aud"),
    "another audience": changed(aud="another"),
    "other audiences": changed(aud=["another", "one more"]),
    "several audiences and no azp": changed(aud=["ramp", "another"]),
    "several audiences and another azp": changed(aud=["ramp", "another"], azp="another"),
    "another azp": changed(azp="another"),
    "no expiry": without("exp"),
    "expired": changed(exp=NOW - 3600),
    "an expiry that is text": changed(exp="tomorrow"),
    "no time of issue": without("iat"),
    "issued in the future": changed(iat=NOW + 3600),
    "not valid yet": changed(nbf=NOW + 3600),
    "no nonce": without("nonce"),
    "another nonce": changed(nonce="another"),
    "no subject": without("sub"),
    "an empty subject": changed(sub=""),
    "a subject that is no text": changed(sub=["ada"]),
    "no token": lambda _: "",
    "not three parts": lambda _: "e30.e30",
    "garbage": lambda _: "\0\0\0",
    "an encrypted token": lambda _: "e30.e30.e30.e30.e30",
    "a header that is a list": lambda _: "W10.e30.AA",
}


class TestRefusedSignIn:
    @pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
    def test_refuses_forged_id_token(
        self,
        client: Client,
        corp: IdentityProvider,
        openid: OpenIdProvider,
        forge: Callable[[Json], str],
    ) -> None:
        openid.forge = forge

        response = sign_in(client, corp, openid)

        assert response.status_code in (400, 403)
        assert not is_in(client)
        assert people() == []
        assert the_attempt().detail

    @pytest.mark.parametrize("userinfo", [{"sub": "victim"}, {}, {"sub": None}], ids=str)
    def test_refuses_userinfo_of_another_subject(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider, userinfo: Json
    ) -> None:
        openid.userinfo = userinfo

        assert sign_in(client, corp, openid).status_code == 400
        assert the_attempt().reason == "other-userinfo"

    def test_refuses_a_callback_that_another_browser_started(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        back = openid.authorize(begun(Client(), corp))

        assert client.get(back).status_code == 400
        assert the_attempt().reason == "state-unknown"

    def test_refuses_a_callback_that_was_already_used(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        back = openid.authorize(begun(client, corp))
        client.get(back)

        client.logout()

        assert client.get(back).status_code == 400

    def test_refuses_a_callback_for_another_provider(
        self, client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        other = connected(acme, openid, name="Other")
        back = openid.authorize(begun(client, corp)).replace(str(corp.pk), str(other.pk))

        assert client.get(back).status_code == 400
        assert the_attempt().reason == "state-unknown"

    def test_refuses_a_callback_from_another_issuer(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        back = openid.authorize(begun(client, corp))

        assert client.get(f"{back}&iss=https://evil.example").status_code == 400
        assert the_attempt().reason == "other-issuer"

    def test_logs_the_error_that_the_provider_returned(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        state = parse_qs(urlsplit(begun(client, corp)).query)["state"][0]

        client.get(f"/sign-in/acme/{corp.pk}/callback/?error=access_denied&state={state}")

        assert "access_denied" in the_attempt().detail

    def test_forged_error_callback_does_not_end_the_session(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(client, corp, openid)

        client.get(f"/sign-in/acme/{corp.pk}/callback/?error=access_denied&state=forged")

        assert is_in(client)

    def test_provider_is_not_found_below_another_tenant(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        core.tenant(slug="globex")

        assert client.get(f"/sign-in/globex/{corp.pk}/").status_code == 404

    def test_removed_provider_is_not_found(
        self, client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        back = openid.authorize(begun(client, corp))
        with tenancy.use(acme):
            manage.remove_provider(corp, actor=Actor("command", "tests"))

        assert client.get(back).status_code == 404
        assert client.get(f"/sign-in/acme/{corp.pk}/").status_code == 404


class TestLoggedReason:
    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ((404, b"{}"), "not-ok"),
            ((200, b"<html>"), "not-json"),
            ((200, b"[]"), "not-json"),
            ((302, b"http://127.0.0.1/"), "redirected"),
            ((200, b" " * 300_000), "too-large"),
            ((200, b'{"issuer": "x"}'), "issuer-mismatch"),
        ],
        ids=str,
    )
    def test_logs_why_the_discovery_is_unusable(
        self,
        client: Client,
        corp: IdentityProvider,
        openid: OpenIdProvider,
        answer: tuple[int, bytes],
        reason: str,
    ) -> None:
        openid.instead["/.well-known/openid-configuration"] = answer

        response = client.get(f"/sign-in/acme/{corp.pk}/")

        assert response.status_code == 400
        assert "could not identify you" in response.content.decode()
        assert the_attempt().reason == reason

    @pytest.mark.parametrize(
        ("instead", "reason"),
        [
            ({"/token": (500, b"{}")}, "code-refused"),
            ({"/token": (200, b"[]")}, "code-refused"),
            ({"/token": (200, b"{}")}, "no-id-token"),
            ({"/token": (400, b'{"error": "invalid_grant"}')}, "code-refused"),
            ({"/keys": (500, b"{}")}, "not-ok"),
            ({"/keys": (200, b'{"keys": null}')}, "bad-token"),
            ({"/userinfo": (403, b"{}")}, "not-ok"),
            ({"/userinfo": (200, b"[]")}, "not-json"),
        ],
        ids=str,
    )
    def test_logs_why_a_provider_response_is_unusable(
        self,
        client: Client,
        corp: IdentityProvider,
        openid: OpenIdProvider,
        instead: dict[str, tuple[int, bytes]],
        reason: str,
    ) -> None:
        openid.instead = instead
        # Without this, userinfo would not be needed.
        openid.claims = {"email": None}

        assert sign_in(client, corp, openid).status_code == 400
        assert the_attempt().reason == reason

    def test_logs_that_the_provider_is_unreachable(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.stop()

        assert client.get(f"/sign-in/acme/{corp.pk}/").status_code == 400
        assert the_attempt().reason == "refused"

    def test_logs_that_the_client_secret_is_wrong(
        self, client: Client, acme: Tenant, openid: OpenIdProvider
    ) -> None:
        sign_in(client, connected(acme, openid, client_secret="wrong"), openid)

        assert "Check the client ID and client secret" in the_attempt().detail
