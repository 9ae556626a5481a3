"""Session limits of providers and tenants: age and strength of the authentication, session end."""

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Event, Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.fake_openid import OpenIdProvider
from tests.support.openid_flow import begun, connected, is_in, sign_in, the_attempt

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(acme: Tenant) -> Client:
    with tenancy.use(acme):
        return signed_in(core.owner(email="olga@acme.example", password="correct horse"))


@pytest.fixture
def corp(acme: Tenant, owner: Client, openid: OpenIdProvider) -> IdentityProvider:
    return connected(
        acme, openid, max_age_minutes=60, required_acr="phr phrh", required_amr="mfa pwd"
    )


def enough(**claims: Any) -> dict[str, Any]:
    usual = {"auth_time": int(time.time()) - 60, "acr": "phr", "amr": ["pwd", "mfa", "otp"]}
    return usual | claims


def after(client: Client, **delay: int) -> Any:
    with time_machine.travel(timezone.now() + timedelta(**delay)):
        return client.get("/home/")


def test_authorization_request_has_max_age_and_acr_values(
    client: Client, corp: IdentityProvider
) -> None:
    address = begun(client, corp)

    assert "max_age=3600" in address
    assert "acr_values=phr+phrh" in address


def test_session_begins_if_authentication_is_recent_and_strong_enough(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    openid.claims = enough()
    sign_in(client, corp, openid)

    assert is_in(client)


INSUFFICIENT_CLAIMS: dict[str, tuple[dict[str, Any], str, str]] = {
    "an older authentication": ({"auth_time": 1}, "authentication-too-old", "too long ago"),
    "no time": ({"auth_time": None}, "no-auth-time", "could not identify you"),
    "a time that is no number": ({"auth_time": "now"}, "no-auth-time", "could not identify you"),
    "another acr": ({"acr": "loa1"}, "authentication-too-weak", "a stronger sign-in"),
    "no acr": ({"acr": None}, "authentication-too-weak", "a stronger sign-in"),
    "a list as acr": ({"acr": ["phr"]}, "authentication-too-weak", "a stronger sign-in"),
    "only one of the methods": ({"amr": ["pwd"]}, "authentication-too-weak", "a stronger sign-in"),
    "no methods": ({"amr": None}, "authentication-too-weak", "a stronger sign-in"),
    "methods in a text": ({"amr": "pwd mfa"}, "authentication-too-weak", "a stronger sign-in"),
    "a session that is over": ({"session_expiry": 1000}, "session-expired", "has ended"),
}


@pytest.mark.parametrize(
    ("claims", "code", "why"), INSUFFICIENT_CLAIMS.values(), ids=INSUFFICIENT_CLAIMS
)
def test_session_does_not_begin_with_insufficient_claims(
    client: Client,
    corp: IdentityProvider,
    openid: OpenIdProvider,
    claims: dict[str, Any],
    code: str,
    why: str,
) -> None:
    openid.claims = enough(**claims)
    answer = sign_in(client, corp, openid)

    assert answer.status_code == 400
    assert why in text_of(answer)
    assert not is_in(client)
    assert (the_attempt().reason, the_attempt().subject) == (code, "ada")


def test_session_ends_at_the_session_expiry_of_the_provider(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    openid.claims = enough(session_expiry=int(time.time()) + 1800)
    sign_in(client, corp, openid)
    assert after(client, minutes=20).status_code == 200

    answer = after(client, minutes=31)

    assert answer.status_code == 302
    assert "it had reached its time limit. Sign in again." in text_of(
        client.get(answer["Location"])
    )
    assert not is_in(client)


@pytest.mark.parametrize("expiry", ["soon", True, -5, 1e300, [], {}], ids=str)
def test_unreadable_session_expiry_is_ignored(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider, expiry: Any
) -> None:
    openid.claims = enough(session_expiry=expiry)
    sign_in(client, corp, openid)

    assert is_in(client)


class TestTenantSessionLimits:
    @pytest.fixture
    def corp(self, acme: Tenant, owner: Client, openid: OpenIdProvider) -> IdentityProvider:
        values = {"begins": "choice", "allows_passwords": "on", "session_hours": 8}
        answer = owner.post("/tenants/acme/auth-settings/", values | {"idle_minutes": 30})
        assert answer.status_code == 302
        return connected(acme, openid)

    def test_session_in_use_ends_after_the_maximum_hours(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(client, corp, openid)
        for minutes in range(20, 480, 20):
            assert after(client, minutes=minutes).status_code == 200

        assert after(client, minutes=481).status_code == 302

    def test_idle_session_ends(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        sign_in(client, corp, openid)

        answer = after(client, minutes=31)

        assert answer.status_code == 302
        assert "you had not used it for a while" in text_of(client.get(answer["Location"]))

    def test_session_ends_at_the_earliest_limit(
        self, client: Client, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.claims = {"session_expiry": int(time.time()) + 600}
        sign_in(client, corp, openid)

        assert after(client, minutes=11).status_code == 302

    def test_limits_apply_to_password_sign_in(self, corp: IdentityProvider) -> None:
        client = Client()
        client.post("/sign-in/", {"email": "olga@acme.example", "password": "correct horse"})
        assert is_in(client)

        assert after(client, minutes=31).status_code == 302

    def test_settings_page_and_history_show_the_limits(
        self, owner: Client, corp: IdentityProvider
    ) -> None:
        shown = text_of(owner.get("/tenants/acme/auth-settings/"))

        assert 'name="session_hours" value="8"' in shown
        with tenancy.use(corp.tenant):
            changed = Event.objects.filter(changes__has_key="hours until a session ends")
            assert changed.count() == 1


def test_provider_page_sets_max_age_and_required_acr(owner: Client, corp: IdentityProvider) -> None:
    path = f"/tenants/acme/auth-providers/{corp.pk}/"
    shown = text_of(owner.get(path))
    assert 'name="max_age_minutes" value="60"' in shown
    values = {
        "name": "Corp",
        "is_enabled": "on",
        "issuer": corp.settings["issuer"],
        "client_id": "ramp",
        "scopes": "openid",
        "groups_claim": "groups",
        "browsing": "off",
        "max_age_minutes": "",
        "required_acr": " phr  phrh ",
    }

    assert owner.post(path, values).status_code == 302

    with tenancy.use(corp.tenant):
        corp.refresh_from_db()
    settings = corp.settings
    assert (settings["max_age_minutes"], settings["required_acr"]) == (0, "phr phrh")
