"""The provider page shows which groups the claims of the last sign-in give."""

import html
import re

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import Identity, IdentityProvider
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.fake_openid import OpenIdProvider
from tests.support.openid_flow import connected, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(acme: Tenant) -> Person:
    with tenancy.use(acme):
        return core.owner(email="olga@acme.example")


@pytest.fixture
def corp(olga: Person, acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    return connected(acme, openid)


def page(olga: Person, corp: IdentityProvider, query: str = "") -> str:
    response = signed_in(olga).get(f"/tenants/acme/auth-providers/{corp.pk}/{query}")
    return " ".join(re.sub("<[^>]+>", " ", html.unescape(text_of(response))).split())


def test_shows_groups_of_the_last_sign_in(
    client: Client, olga: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    assert "Groups in the last sign-in" not in page(olga, corp)
    openid.user["groups"] = ["finance", "staff"]

    sign_in(client, corp, openid)

    shown = page(olga, corp)
    assert "with which Ada Lovelace signed in at" in shown
    assert "groups finance , staff" in shown


def test_shows_other_claims_that_list_groups(
    client: Client, olga: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    openid.user |= {
        "realm_access": {"roles": ["finance"]},
        "urn:zitadel:iam:org:project:roles": {"auditor": {"28": "acme.zitadel.cloud"}},
        "amr": ["pwd"],
    }

    sign_in(client, corp, openid)

    shown = page(olga, corp)
    assert "Unknown groups: this claim is missing. No roles change." in shown
    assert "realm_access.roles finance Enter this claim in the form" in shown
    assert "urn:zitadel:iam:org:project:roles auditor Enter" in shown
    assert "pwd" not in shown
    chosen = page(olga, corp, "?groups_claim=realm_access.roles")
    assert "realm_access.roles finance" in chosen
    assert "Unknown groups" not in chosen


def test_explains_why_a_claim_cannot_be_read(
    client: Client, olga: Person, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    openid.user["groups"] = "finance,staff"

    sign_in(client, corp, openid)

    assert "choose on the provider's page how they are separated" in page(olga, corp)
    fields = {
        "name": "Corp",
        "is_enabled": "on",
        "provisions_people": "on",
        "browsing": "off",
        "issuer": corp.settings["issuer"],
        "client_id": "ramp",
        "scopes": "openid",
        "groups_claim": "groups",
        "groups_separator": ",",
    }
    signed_in(olga).post(f"/tenants/acme/auth-providers/{corp.pk}/", fields)
    assert "groups finance , staff" in page(olga, corp)


def test_stores_only_group_claims(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    openid.user |= {"groups": ["x\0y"], "phone_number": "+1 555", "address": {"locality": "Paris"}}
    openid.user |= {"birthdate": "1815-12-10", "long": ["g" * 500] * 100}

    sign_in(client, corp, openid)

    with tenancy.across_tenants():
        result = Identity.objects.get().stated_values
    assert result["claims"]["groups"] == ["x�y"]
    assert result["claims"].keys() == {"groups", "long"}
    assert len(str(result)) < 10_000
