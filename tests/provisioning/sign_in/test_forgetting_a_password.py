"""Resetting a forgotten password."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.mail.reset_links import reset_link
from people.mail.sending import send_due
from people.models import Mail, Person, Tenant
from people.operations import people
from people.values import Actor
from provisioning.models import Identity
from provisioning.passwords.lockout import FREE_TRIES
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.services.postgres_redis_smtp import Smtp
from tests.support import sign_in_flow
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db

OLD, NEW = "correct horse", "a battery that staples"
OWNER = Actor("person", "olga@acme.example")


def ask(email: str = "ada@acme.example", client: Client | None = None) -> Any:
    return (client or Client()).post("/forgot-password/", {"email": email})


def mails() -> list[Mail]:
    with tenancy.across_tenants():
        asked = Mail.objects.filter(kind=Mail.Kind.RESET_PASSWORD).select_related("person__tenant")
        return list(asked.order_by("created_at"))


def path(mail: Mail) -> str:
    return reset_link(mail).removeprefix(django_settings.PUBLIC_BASE_URL)


def link(email: str = "ada@acme.example") -> str:
    ask(email)
    return path(mails()[-1])


def choose(address: str, password: str = NEW, client: Client | None = None) -> Any:
    return (client or Client()).post(address, {"password": password, "again": password})


def can_sign_in(password: str, email: str = "ada@acme.example") -> bool:
    values = {"email": email, "password": password}
    return bool(Client().post("/sign-in/", values).status_code == 302)


def change(person: Person, **fields: Any) -> None:
    with tenancy.across_tenants():
        Person.objects.filter(pk=person.pk).update(**fields)


def is_refused(address: str) -> bool:
    looked, used = Client().get(address), choose(address)
    return {looked.status_code, used.status_code} <= {403, 404, 410} and not can_sign_in(NEW)


def test_mailed_link_sets_a_new_password(ada: Person, smtp: Smtp) -> None:
    page = ask()
    send_due(as_of=timezone.now())

    assert "we sent a link to that address" in text_of(page)
    [mail] = smtp.to(ada.email)
    address = path(mails()[0])
    assert f"{django_settings.PUBLIC_BASE_URL}{address}" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert choose(address)["Location"] == "/sign-in/acme/?form"
    assert can_sign_in(NEW)
    assert not can_sign_in(OLD)


@pytest.mark.parametrize("email", ["nobody@acme.example", "ada@acme.example"])
def test_unknown_address_gets_the_same_answer(ada: Person, email: str) -> None:
    text = text_of(ask(email)).replace(email, "…")

    assert "If someone signs in with a password as <strong>…</strong>" in text
    assert len(mails()) == (email == ada.email)


def test_old_password_works_until_a_new_one_is_set(ada: Person) -> None:
    address = link()
    Client().get(address)

    assert can_sign_in(OLD)


def test_new_password_ends_all_sessions(ada: Person) -> None:
    elsewhere = signed_in(ada)
    here = signed_in(ada)

    choose(link(), client=here)

    assert elsewhere.get("/home/").status_code == 302
    assert here.get("/home/").status_code == 302


def test_new_password_ends_the_lockout(ada: Person) -> None:
    for _ in range(FREE_TRIES):
        can_sign_in("wrong")
    assert not can_sign_in(OLD)

    choose(link())

    assert can_sign_in(NEW)


@pytest.mark.parametrize(
    "password", ["short", "password", "12345678", "lovelace", "ada@acme.example", "a" * 7]
)
def test_weak_password_is_refused(ada: Person, password: str) -> None:
    address = link()

    assert choose(address, password).status_code == 200
    assert can_sign_in(OLD)


def test_administrator_needs_15_characters(ada: Person) -> None:
    change(ada, role=Person.Role.ADMIN)
    address = link()

    assert "Use 15 characters or more" in text_of(choose(address, "fourteen chars"))
    assert choose(address, "fifteen chars!!").status_code == 302


def test_reset_mail_is_sent_once_a_minute(ada: Person) -> None:
    for _ in range(5):
        ask()
    assert len(mails()) == 1

    with time_machine.travel(timezone.now() + timedelta(minutes=1, seconds=1)):
        ask()
    assert len(mails()) == 2


def test_person_in_two_tenants_gets_a_link_for_each(ada: Person) -> None:
    with core.in_another_tenant():
        core.person(email=ada.email, password=OLD)

    ask()

    assert len({mail.tenant_id for mail in mails()}) == 2


class TestResetLink:
    def test_works_once(self, ada: Person) -> None:
        address = link()
        choose(address, "the first choice of mine")

        assert is_refused(address)

    def test_is_refused_after_a_newer_link_was_used(self, ada: Person) -> None:
        first = link()
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            choose(link(), "the first choice of mine")
            assert is_refused(first)

    def test_expires_after_an_hour(self, ada: Person) -> None:
        address = link()
        made_at = mails()[0].created_at
        with time_machine.travel(made_at + timedelta(minutes=59)):
            assert Client().get(address).status_code == 200
        with time_machine.travel(made_at + timedelta(hours=1)):
            assert is_refused(address)

    def test_is_refused_after_the_address_changed(self, ada: Person) -> None:
        address = link()
        change(ada, email="new@acme.example", email_key="new@acme.example")

        assert choose(address).status_code == 410

    def test_is_refused_after_deactivation_and_reactivation(self, ada: Person) -> None:
        address = link()
        with tenancy.use(ada.tenant):
            people.deactivate_person(ada, actor=OWNER)
            assert is_refused(address)
            people.reactivate_person(ada, actor=OWNER)

        assert is_refused(address)

    def test_is_refused_while_the_tenant_is_suspended(self, ada: Person) -> None:
        address = link()
        Tenant.objects.update(is_active=False)

        assert is_refused(address)

    def test_forged_link_is_not_found(self, ada: Person) -> None:
        address = link()

        assert Client().get(address[:-3] + "xx/").status_code == 404
        assert Client().get("/reset-password/nonsense/").status_code == 404

    def test_token_does_not_work_for_another_purpose(self, ada: Person) -> None:
        address = link()

        for other in ("invite", "confirm-address"):
            assert Client().get(address.replace("reset-password", other)).status_code == 404

    def test_is_neither_logged_nor_sent_as_referrer(
        self, ada: Person, caplog: pytest.LogCaptureFixture
    ) -> None:
        address = link()
        response = choose(address)

        assert response["Referrer-Policy"] == "strict-origin"
        assert choose(address).status_code == 410
        assert "/reset-password/" not in caplog.text

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("racers", [8], indirect=True)
    def test_works_once_for_simultaneous_requests(self, racers: Racers, ada: Person) -> None:
        address = link()
        statuses = racers(
            *[
                lambda n=n: choose(address, f"the choice of number {n}").status_code
                for n in range(8)
            ]
        )

        assert sorted(statuses) == [302] + [410] * 7


def from_scim(tenant: Tenant, password: str | None = None) -> Person:
    with tenancy.use(tenant):
        Provider(scim_connection("okta")).add("ada")
        person: Person = Person.objects.get(email="ada@example.com")
        person.set_password(password)
        person.state, person.joined_at = Person.State.ACTIVE, timezone.now()
        person.save()
    return person


class TestNoResetMail:
    def of(self, **fields: Any) -> str:
        return str(core.person(password=OLD, **fields).email)

    @pytest.mark.parametrize("how", Identity.How)
    def test_person_who_signs_in_through_a_provider_gets_no_mail(
        self, acme: Tenant, how: Identity.How
    ) -> None:
        with tenancy.use(acme):
            person = core.person(email="bob@acme.example")
            sign_in_flow.identity(sign_in_flow.provider(), person, how)

        ask(person.email)
        assert mails() == []

    def test_scim_person_without_password_gets_no_mail(self, acme: Tenant) -> None:
        person = from_scim(acme)

        ask(person.email)
        assert mails() == []

    @pytest.mark.parametrize("state", [state for state in Person.State if state != "active"])
    def test_person_who_is_not_active_gets_no_mail(self, acme: Tenant, state: str) -> None:
        with tenancy.use(acme):
            email = self.of(state=state)

        ask(email)
        assert mails() == []

    def test_only_owners_get_mail_if_passwords_are_off(self, ada: Person) -> None:
        Tenant.objects.update(allows_passwords=False)
        ask()
        assert mails() == []

        change(ada, role=Person.Role.OWNER)
        ask()
        assert len(mails()) == 1

    def test_unconfirmed_address_gets_no_mail(self, ada: Person) -> None:
        change(ada, pending_email="new@acme.example")

        ask("new@acme.example")
        assert mails() == []
        ask()
        assert [mail.to for mail in mails()] == [ada.email]


def test_sign_in_page_links_to_the_reset_page(client: Client, acme: Tenant) -> None:
    for address in ("/sign-in/", "/sign-in/acme/"):
        assert b'href="/forgot-password/"' in client.get(address).content


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1@evil.example", "evil.example:80"])
def test_link_ignores_the_host_header(ada: Person, host: str) -> None:
    Client().post("/forgot-password/", {"email": ada.email}, headers={"Host": host})
    Client().post("/forgot-password/", {"email": ada.email}, headers={"X-Forwarded-Host": host})

    assert all(reset_link(mail).startswith(django_settings.PUBLIC_BASE_URL) for mail in mails())
