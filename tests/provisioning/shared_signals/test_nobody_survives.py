"""Whichever way somebody is in, and whichever signal comes: nobody survives.

Each signal that may end sessions is sent with each policy that ends them.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client, override_settings

from people import tenancy
from people.mail.reset_links import reset_link
from people.models import Invite, Mail, Person
from people.operations import passwords
from people.operations.api_tokens import create_api_token
from people.operations.invites import lifecycle
from tests.clients.pages import signed_in
from tests.provisioning.shared_signals.conftest import Sender, choose
from tests.services.fake_openid import OpenIdProvider
from tests.services.signal_transmitter import CAEP, RISC
from tests.support.openid_flow import is_in, sign_in
from tests.support.passkeys import ORIGIN, USE, Authenticator, add_passkey, options_on
from tests.support.second_factors import set_up

pytestmark = pytest.mark.django_db

IsIn = Callable[[], bool]
PASSWORD = "correct horse battery"


def by_password(person: Person) -> Client:
    person.set_password(PASSWORD)
    person.save(update_fields=["password"])
    browser = Client()
    browser.post("/sign-in/", {"email": person.email, "password": PASSWORD})
    return browser


def with_a_session_from_the_provider(person: Person, openid: OpenIdProvider) -> IsIn:
    browser = Client()
    with tenancy.use(person.tenant):
        provider = person.identities.select_related("provider__tenant").get().provider
    sign_in(browser, provider, openid)
    return lambda: is_in(browser)


def with_a_session_by_password(person: Person, openid: OpenIdProvider) -> IsIn:
    browser = by_password(person)
    return lambda: is_in(browser)


def in_another_tab(person: Person, openid: OpenIdProvider) -> IsIn:
    browser = signed_in(person)
    return lambda: is_in(browser)


def with_an_api_token(person: Person, openid: OpenIdProvider) -> IsIn:
    Person.objects.filter(pk=person.pk).update(role=Person.Role.ADMIN)
    person.refresh_from_db()
    made = create_api_token(person, "Script", scopes=["people:read"], days=1, actor=person.actor)
    headers = {"Authorization": f"Bearer {made}"}
    return lambda: Client().get("/api/v1/people", headers=headers).status_code == 200


def with_a_reset_link(person: Person, openid: OpenIdProvider) -> IsIn:
    by_password(person)
    passwords.mail_reset(person)
    path = _path(reset_link(Mail.objects.get(person=person, kind=Mail.Kind.RESET_PASSWORD)))

    def works() -> bool:
        answer = Client().get(path)
        return answer.status_code == 200 and b"no longer valid" not in answer.content

    return works


def with_an_invite(person: Person, openid: OpenIdProvider) -> IsIn:
    lifecycle.issue_invite(person, actor=person.actor)

    def is_open() -> bool:
        with tenancy.use(person.tenant):
            return Invite.objects.open().filter(person=person).exists()

    return is_open


def between_password_and_second_factor(person: Person, openid: OpenIdProvider) -> IsIn:
    _, codes = set_up(by_password(person))
    waiting = [by_password_again(person) for _ in range(2)]

    def has_come_in() -> bool:
        browser = waiting.pop()
        browser.post("/second-factor/", {"code": codes.pop()})
        return is_in(browser)

    return has_come_in


def between_password_and_passkey(person: Person, openid: OpenIdProvider) -> IsIn:
    first = by_password(person)
    set_up(first)
    phone = Authenticator()
    waiting = [by_password_again(person) for _ in range(2)]
    with override_settings(PUBLIC_BASE_URL=ORIGIN):
        add_passkey(first, phone)
        pages = [browser.get("/second-factor/") for browser in waiting]

    def has_come_in() -> bool:
        browser = waiting.pop(0)
        with override_settings(PUBLIC_BASE_URL=ORIGIN):
            browser.post(USE, {"credential": phone.use(options_on(pages.pop(0)))})
        return is_in(browser)

    return has_come_in


def by_password_again(person: Person) -> Client:
    browser = Client()
    browser.post("/sign-in/", {"email": person.email, "password": PASSWORD})
    return browser


def _path(link: str) -> str:
    return link.removeprefix(django_settings.PUBLIC_BASE_URL)


WAYS = [
    with_a_session_from_the_provider,
    with_a_session_by_password,
    in_another_tab,
    with_an_api_token,
    with_a_reset_link,
    with_an_invite,
    between_password_and_second_factor,
    between_password_and_passkey,
]
SIGNALS: dict[str, tuple[str, dict[str, Any]]] = {
    "session-revoked": (f"{CAEP}session-revoked", {}),
    "credential-revoked": (f"{CAEP}credential-change", {"change_type": "revoke"}),
    "credential-change": (f"{CAEP}credential-change", {"change_type": "update"}),
    "credential-compromise": (f"{RISC}credential-compromise", {}),
    "account-disabled": (f"{RISC}account-disabled", {}),
    "account-purged": (f"{RISC}account-purged", {}),
    "identifier-changed": (f"{RISC}identifier-changed", {}),
    "assurance-level-change": (
        f"{CAEP}assurance-level-change",
        {"change_direction": "decrease"},
    ),
    "device-compliance-change": (
        f"{CAEP}device-compliance-change",
        {"current_status": "not-compliant"},
    ),
}


@pytest.mark.parametrize("policy", ["end", "fresh", "deactivate"])
@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("get_in", WAYS, ids=lambda way: way.__name__)
def test_nobody_survives(
    owner: Client, page: str, sender: Sender, get_in: Any, name: str, policy: str
) -> None:
    choose(owner, page, **{name: policy})
    with tenancy.use(sender.provider.tenant):
        person = Person.objects.select_related("tenant").get(email="ada@acme.example")
        works = get_in(person, sender.openid)
    assert works()

    event, payload = SIGNALS[name]
    assert sender.send(event, **payload)[0] == 202

    assert not works()
