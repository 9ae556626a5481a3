"""The person whom a signal is about is found by …"""

from typing import Any

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider, ProviderSession
from tests.clients.pages import signed_in
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.provisioning.shared_signals.conftest import Sender
from tests.services.fake_openid import OpenIdProvider
from tests.services.signal_transmitter import TOKEN, Transmitter
from tests.support.openid_flow import connected, is_in, sign_in, the_attempt

pytestmark = pytest.mark.django_db

OPAQUE = {"format": "opaque", "id": "ada"}


def iss_sub(openid: OpenIdProvider, subject: str = "ada") -> dict[str, Any]:
    return {"format": "iss_sub", "iss": openid.url, "sub": subject}


NAMING: dict[str, Any] = {
    "the issuer and the subject": iss_sub,
    "an opaque id": lambda _: OPAQUE,
    "one of several names": lambda openid: {
        "format": "aliases",
        "identifiers": [{"format": "opaque", "id": "unknown"}, iss_sub(openid)],
    },
    "the user of a complex subject": lambda openid: {
        "format": "complex",
        "user": iss_sub(openid),
        "device": {"format": "opaque", "id": "laptop"},
        "tenant": {"format": "opaque", "id": "acme"},
    },
    "the drafts' complex subject": lambda openid: {"user": iss_sub(openid)},
    "the drafts' format": lambda openid: {
        "subject_type": "iss-sub",
        "iss": f"{openid.url}/",
        "sub": "ada",
    },
}


@pytest.mark.parametrize("naming", NAMING.values(), ids=NAMING)
def test_(client: Client, sender: Sender, openid: OpenIdProvider, naming: Any) -> None:
    assert sender.about(naming(openid))[0] == 202
    assert not is_in(client)


def test_the_subject_in_the_event_as_okta_sends_it(client: Client, sender: Sender) -> None:
    claims = sender.claims()
    subject = claims.pop("sub_id")
    [payload] = claims["events"].values()
    payload["subject"] = {"user": subject}

    assert sender.push(claims)[0] == 202
    assert not is_in(client)


NOT_NAMING: dict[str, Any] = {
    "another issuer": lambda openid: iss_sub(openid) | {"iss": "https://evil.example"},
    "no issuer": lambda openid: {"format": "iss_sub", "sub": "ada"},
    "a subject that is no text": lambda openid: iss_sub(openid) | {"sub": ["ada"]},
    "a subject that no database stores": lambda openid: iss_sub(openid) | {"sub": "ada\0"},
    "an address, though the provider is not paired": lambda _: {
        "format": "email",
        "email": "ada@acme.example",
    },
    "an account, though the provider is not paired": lambda _: {
        "format": "account",
        "uri": "acct:ada@acme.example",
    },
    "a phone number": lambda _: {"format": "phone_number", "phone_number": "+4930123"},
    "an unknown format": lambda _: {"format": "did", "url": "did:example:ada"},
    "the whole company": lambda _: {
        "format": "complex",
        "tenant": {"format": "opaque", "id": "acme"},
    },
    "a complex subject in a complex one": lambda openid: {
        "format": "complex",
        "user": {"format": "complex", "user": iss_sub(openid)},
    },
    "a list": lambda _: ["ada"],
    "a text": lambda _: "ada",
    "nothing": lambda _: {},
}


@pytest.mark.parametrize("naming", NOT_NAMING.values(), ids=NOT_NAMING)
def test_nobody_is_found_by(
    client: Client, sender: Sender, openid: OpenIdProvider, naming: Any
) -> None:
    assert sender.about(naming(openid))[0] == 202
    assert is_in(client)
    assert the_attempt().outcome == "signal"
    assert "Nothing was changed." in the_attempt().detail


def test_nobody_is_found_by_names_of_two_people(
    client: Client, sender: Sender, openid: OpenIdProvider
) -> None:
    openid.user = {**openid.user, "sub": "ben", "email": "ben@acme.example"}
    sign_in(Client(), sender.provider, openid)

    names = [OPAQUE, {"format": "opaque", "id": "ben"}]
    sender.about({"format": "aliases", "identifiers": names})

    assert is_in(client)


def test_nobody_of_another_company_is_found(
    client: Client, sender: Sender, openid: OpenIdProvider
) -> None:
    other = core.tenant(slug="other")
    with tenancy.use(other):
        core.owner()
        theirs = core.person(email="eve@other.example")
    connected(other, openid)

    for subject in (iss_sub(openid, "eve"), {"format": "email", "email": "eve@other.example"}):
        assert sender.about(subject)[0] == 202

    assert is_in(signed_in(theirs))
    assert is_in(client)


class TestWithASession:
    def about(self, sid: str, openid: OpenIdProvider, *, has_user: bool = True) -> Any:
        session = {"session": {"format": "opaque", "id": sid}}
        user = {"user": iss_sub(openid)} if has_user else {}
        return {"format": "complex", **session, **user}

    @pytest.fixture
    def two(self, client: Client, ada: Person, openid: OpenIdProvider) -> tuple[Client, Client]:
        """Sign Ada in with two browsers; the first has the session “first”."""
        with tenancy.use(ada.tenant):
            ProviderSession.objects.update(sid="first")
        return client, signed_in(ada)

    @pytest.mark.parametrize("has_user", [True, False])
    def test_only_that_session_ends(
        self, two: tuple[Client, Client], sender: Sender, openid: OpenIdProvider, *, has_user: bool
    ) -> None:
        sender.about(self.about("first", openid, has_user=has_user))

        assert [is_in(one) for one in two] == [False, True]

    def test_that_ramp_does_not_know_all_sessions_of_the_person_end(
        self, two: tuple[Client, Client], sender: Sender, openid: OpenIdProvider
    ) -> None:
        sender.about(self.about("unknown", openid))

        assert [is_in(one) for one in two] == [False, False]

    def test_of_somebody_else_theirs_stays(
        self, two: tuple[Client, Client], sender: Sender, openid: OpenIdProvider
    ) -> None:
        openid.user = {**openid.user, "sub": "ben", "email": "ben@acme.example"}
        ben = Client()
        sign_in(ben, sender.provider, openid)
        with tenancy.use(sender.provider.tenant_id):
            ProviderSession.objects.filter(subject="ben").update(sid="bens")

        sender.about(self.about("bens", openid))

        assert is_in(ben)
        assert not is_in(two[0])


class TestOfAPairedProvider:
    @pytest.fixture
    def corp(self, acme: Tenant, openid: OpenIdProvider, olga: Person) -> IdentityProvider:
        with tenancy.use(acme):
            connection = scim_connection("okta")
            emails = [{"value": "ada@acme.example", "primary": True}]
            Provider(connection).add("ada", externalId="ada", emails=emails)
        return connected(acme, openid, paired_with_scim={"claim": "sub", "equals": "externalId"})

    @pytest.mark.parametrize(
        "subject",
        [
            {"format": "email", "email": "ADA@acme.example"},
            {"format": "account", "uri": "acct:ada%40acme.example".replace("%40", "@")},
            OPAQUE,
        ],
        ids=lambda subject: subject["format"],
    )
    def test_people_who_never_came_through_it_are_found_too(
        self, owner: Client, page: str, transmitter: Transmitter, subject: Any
    ) -> None:
        values = {"issuer": transmitter.issuer, "token": TOKEN, "delivery": "push"}
        owner.post(page, values)
        with tenancy.across_tenants():
            session = signed_in(Person.objects.get(email="ada@acme.example"))
        assert is_in(session)

        claims = transmitter.claims(
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked", subject
        )
        assert transmitter.push(transmitter.sign(claims))[0] == 202
        assert not is_in(session)
