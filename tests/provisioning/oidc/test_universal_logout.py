"""Universal Logout (Global Token Revocation)."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.mail.reset_links import reset_link
from people.models import Event, Invite, Mail, Person, Tenant
from people.operations import passwords
from people.operations.api_tokens import create_api_token
from people.operations.invites import lifecycle
from people.presentation.event_text import entries_of
from provisioning.models import IdentityProvider, UsedToken
from provisioning.oidc.urls_for_provider import revocation_url
from tests.clients.pages import signed_in
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.services.fake_openid import FOREIGN_KEY, KEY, OpenIdProvider, public, signed
from tests.support.openid_flow import connected, is_in, sign_in, the_attempt

pytestmark = pytest.mark.django_db

NOW = int(time.time())


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    with tenancy.use(acme):
        core.owner(email="olga@acme.example", password="correct horse")
    return connected(acme, openid)


def token_for(
    provider: IdentityProvider, openid: OpenIdProvider, *, key: Any = KEY, **claims: Any
) -> str:
    now = int(time.time())
    usual = {
        "iss": openid.url,
        "aud": revocation_url(provider),
        "iat": now,
        "exp": now + 300,
        "jti": str(core.number()),
    }
    values = {name: value for name, value in (usual | claims).items() if value is not None}
    return signed(values, key)


def iss_sub(openid: OpenIdProvider, subject: str = "ada") -> dict[str, Any]:
    return {"sub_id": {"format": "iss_sub", "iss": openid.url, "sub": subject}}


def revoke(provider: IdentityProvider, token: str, body: Any) -> Any:
    return Client().post(
        f"/sign-in/acme/{provider.pk}/global-token-revocation/",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def with_a_session(person: Person) -> Callable[[], bool]:
    client = signed_in(person)
    return lambda: is_in(client)


def with_an_api_token(person: Person) -> Callable[[], bool]:
    Person.objects.filter(pk=person.pk).update(role=Person.Role.ADMIN)
    person.refresh_from_db()
    made = create_api_token(person, "Script", scopes=["people:read"], days=1, actor=person.actor)
    headers = {"Authorization": f"Bearer {made}"}
    return lambda: Client().get("/api/v1/people", headers=headers).status_code == 200


def with_a_reset_link(person: Person) -> Callable[[], bool]:
    person.set_password("correct horse")
    person.save()
    passwords.mail_reset(person)
    link = reset_link(Mail.objects.get(person=person, kind=Mail.Kind.RESET_PASSWORD))
    page = link.removeprefix("http://127.0.0.1:8000")
    return lambda: b"no longer valid" not in Client().get(page).content


def with_an_invite(person: Person) -> Callable[[], bool]:
    lifecycle.issue_invite(person, actor=person.actor)
    return lambda: Invite.objects.open().filter(person=person).exists()


@pytest.mark.parametrize(
    "access",
    [with_a_session, with_an_api_token, with_a_reset_link, with_an_invite],
    ids=lambda way: way.__name__,
)
def test_ends_sessions_tokens_reset_links_and_invites(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider, access: Any
) -> None:
    sign_in(client, corp, openid)
    with tenancy.use(corp.tenant):
        person = Person.objects.get(email="ada@acme.example")
        works = access(person)
        assert works()

    answer = revoke(corp, token_for(corp, openid), iss_sub(openid))

    assert answer.status_code == 204
    assert not is_in(client)
    with tenancy.use(corp.tenant):
        assert not works()


def test_history_and_provider_log_have_the_request_id(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    sign_in(client, corp, openid)

    revoke(corp, token_for(corp, openid), iss_sub(openid))

    line = the_attempt()
    assert (line.outcome, line.subject) == ("signed-out", "ada")
    assert str(line.person) == "Ada Lovelace"
    with tenancy.use(corp.tenant):
        event = Event.objects.get(kind=Event.Kind.SESSIONS_ENDED)
        [entry] = entries_of([event])
    assert entry.sentence == "Corp ended all sessions of Ada Lovelace"
    assert line.request_id
    assert event.request_id == line.request_id


def test_person_can_sign_in_again(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    sign_in(client, corp, openid)
    revoke(corp, token_for(corp, openid), iss_sub(openid))

    sign_in(client, corp, openid)

    assert is_in(client)


def test_unknown_subject_gets_the_same_answer(
    corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    answer = revoke(corp, token_for(corp, openid), iss_sub(openid, "nobody"))

    assert answer.status_code == 204
    assert "for an unknown person. Nothing was changed." in the_attempt().detail


REFUSED = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "https://ramp.example.com/another"},
    "the client as audience": {"aud": "ramp"},
    "no audience": {"aud": None},
    "expired": {"exp": NOW - 3600},
    "valid for three days": {"exp": NOW + 3 * 24 * 3600},
    "no expiry": {"exp": None},
    "no jti": {"jti": None},
    "a foreign key": {"key": FOREIGN_KEY},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED)
def test_refuses_token_with_wrong_claims_or_key(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider, claims: Any
) -> None:
    sign_in(client, corp, openid)

    answer = revoke(corp, token_for(corp, openid, **claims), iss_sub(openid))

    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_token"
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert is_in(client)
    assert (the_attempt().outcome, the_attempt().reason) == ("refused", "revocation-refused")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer nonsense", "Basic b2xnYTo=", "Bearer a.b.c"]
)
def test_refuses_missing_or_malformed_token(corp: IdentityProvider, header: str) -> None:
    path = f"/sign-in/acme/{corp.pk}/global-token-revocation/"
    answer = Client().post(path, {}, "application/json", headers={"Authorization": header})

    assert answer.status_code == 401


def test_refuses_an_id_token(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    sign_in(client, corp, openid)

    assert revoke(corp, openid.token(), iss_sub(openid)).status_code == 401
    assert is_in(client)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        {"sub_id": None},
        {"sub_id": "ada"},
        {"sub_id": {"format": "opaque", "id": "ada"}},
        {"sub_id": {"format": "iss_sub", "iss": "https://evil.example", "sub": "ada"}},
        {"sub_id": {"format": "iss_sub", "sub": "ada"}},
        {"sub_id": {"format": "email", "email": "ada@acme.example"}},
    ],
    ids=str,
)
def test_body_without_valid_subject_is_refused_and_token_stays_usable(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider, body: Any
) -> None:
    sign_in(client, corp, openid)
    token = token_for(corp, openid)

    answer = revoke(corp, token, body)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert is_in(client)
    assert revoke(corp, token, iss_sub(openid)).status_code == 204


def test_accepts_subject_member_of_the_first_drafts(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    sign_in(client, corp, openid)

    revoke(corp, token_for(corp, openid), {"subject": iss_sub(openid)["sub_id"]})

    assert not is_in(client)


def test_refuses_a_token_that_was_already_used(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    token = token_for(corp, openid)
    assert revoke(corp, token, iss_sub(openid)).status_code == 204
    sign_in(client, corp, openid)

    assert revoke(corp, token, iss_sub(openid)).status_code == 401
    assert is_in(client)


def test_accepts_a_new_signing_key_of_the_provider(
    client: Client, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    sign_in(client, corp, openid)
    openid.keys = [public(FOREIGN_KEY)]

    answer = revoke(corp, token_for(corp, openid, key=FOREIGN_KEY), iss_sub(openid))

    assert answer.status_code == 204
    assert not is_in(client)


def test_answers_503_with_retry_after_while_keys_are_unavailable(
    corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    openid.instead["/.well-known/openid-configuration"] = (500, b"")

    answer = revoke(corp, token_for(corp, openid), iss_sub(openid))

    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


def test_request_of_another_tenant_changes_nothing(
    client: Client, acme: Tenant, corp: IdentityProvider, openid: OpenIdProvider
) -> None:
    other = core.tenant(slug="other")
    with tenancy.use(other):
        core.owner()
    theirs = connected(other, openid)
    sign_in(client, corp, openid)
    token = token_for(theirs, openid)

    path = f"/sign-in/other/{theirs.pk}/global-token-revocation/"
    headers = {"Authorization": f"Bearer {token}"}
    answer = Client().post(path, iss_sub(openid), "application/json", headers=headers)
    crossed = revoke(corp, token, iss_sub(openid))

    assert (answer.status_code, crossed.status_code) == (204, 401)
    assert is_in(client)


def test_disabled_provider_has_no_endpoint(corp: IdentityProvider, openid: OpenIdProvider) -> None:
    with tenancy.use(corp.tenant):
        IdentityProvider.objects.filter(pk=corp.pk).update(is_enabled=False)

    assert revoke(corp, token_for(corp, openid), iss_sub(openid)).status_code == 404


class TestPairedProvider:
    @pytest.fixture
    def paired(self, acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
        with tenancy.use(acme):
            core.owner()
            connection = scim_connection("okta")
            emails = [{"value": "ada@acme.example", "primary": True}]
            Provider(connection).add("ada", externalId="ada", emails=emails)
        pairing = {"claim": "sub", "equals": "externalId"}
        return connected(acme, openid, paired_with_scim=pairing)

    @pytest.mark.parametrize(
        "subject",
        [
            {"format": "email", "email": "ADA@acme.example"},
            {"format": "iss_sub", "sub": "ada"},
        ],
        ids=str,
    )
    def test_finds_scim_people_who_never_signed_in_through_the_provider(
        self, paired: IdentityProvider, openid: OpenIdProvider, subject: dict[str, str]
    ) -> None:
        with tenancy.use(paired.tenant):
            session = signed_in(Person.objects.get(email="ada@acme.example"))
        assert is_in(session)
        if "sub" in subject:
            subject["iss"] = openid.url

        answer = revoke(paired, token_for(paired, openid), {"sub_id": subject})

        assert answer.status_code == 204
        assert not is_in(session)


def test_expired_used_tokens_are_deleted(corp: IdentityProvider, openid: OpenIdProvider) -> None:
    revoke(corp, token_for(corp, openid), iss_sub(openid))

    with time_machine.travel(timezone.now() + timedelta(days=2)):
        revoke(corp, token_for(corp, openid), iss_sub(openid))

    with tenancy.use(corp.tenant):
        assert UsedToken.objects.count() == 1
