"""An operator at the command line …"""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from people import tenancy
from people.mail import reset_links
from people.models import Delivery, Event, Mail, Person, Tenant
from people.operations import people
from people.values import Actor, Profile
from scim.models import Connection, Token
from scim.models.connection import issue_token
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
BOB = Profile(given_name="Bob", family_name="Babbage", email="bob@example.com")


def told(*said: str) -> str:
    out = StringIO()
    call_command(*said, stdout=out)
    return out.getvalue()


def answered(*said: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(told(*said, "--json"))
    return answer


class TestTenants:
    def test_lists_them_with_their_people(self, tenant: Tenant, owner: Person, ada: Person) -> None:
        [row] = answered("tenants")["tenants"]

        assert (row["slug"], row["status"], row["people"]) == (tenant.slug, "active", 2)
        assert row["owner"] is None
        assert f"2 people  {tenant.name}" in told("tenants")

    def test_lists_closed_ones_if_asked(self, tenant: Tenant) -> None:
        slug = tenant.slug
        told("close_tenant", slug, "--yes")

        assert answered("tenants")["tenants"] == []
        assert [row["status"] for row in answered("tenants", "--closed")["tenants"]] == ["closed"]

    def test_takes_the_same_queries_for_many(
        self, tenant: Tenant, django_assert_num_queries: Any
    ) -> None:
        for _ in range(5):
            core.tenant()

        with django_assert_num_queries(1):
            assert len(answered("tenants")["tenants"]) == 6


class TestPerson:
    def test_shows_what_support_asks_for(self, owner: Person, tenant: Tenant) -> None:
        bob = people.add_person(BOB, actor=OKTA)
        Mail.objects.update(given_up_at=timezone.now(), attempts=1, problem="550 No such user")

        [facts] = answered("person", "BOB@example.com")["people"]

        assert (facts["id"], facts["tenant"]) == (str(bob.pk), tenant.slug)
        assert (facts["state"], facts["invite"]["status"]) == ("invited", "open")
        assert facts["mails"][0]["problem"] == "550 No such user"

    def test_reads_like_a_page(self, ada: Person) -> None:
        said = told("person", ada.email)

        assert said.startswith(f"{ada.full_name} <{ada.email}>, tenant ")
        assert "  state           active" in said
        assert "  is operator     no" in said

    def test_lists_everybody_with_the_address(self, ada: Person) -> None:
        with core.in_another_tenant():
            core.person(email=ada.email)

        assert len(answered("person", ada.email)["people"]) == 2

    def test_says_if_nobody_has_it(self, tenant: Tenant) -> None:
        with pytest.raises(CommandError, match=r"Nobody has the address “nobody@example\.com”"):
            told("person", "nobody@example.com")


class TestResetPassword:
    def test_mails_a_link(self, ada: Person) -> None:
        ada.set_password("correct horse")
        ada.save()

        link = answered("reset_password", ada.email, "--show-link")["link"]

        mail = Mail.objects.get()
        assert (mail.kind, mail.to) == (Mail.Kind.RESET_PASSWORD, ada.email)
        assert link == reset_links.reset_link(mail)
        assert Event.objects.get().actor == "command:reset_password"

    def test_shows_no_link_unless_asked(self, ada: Person) -> None:
        ada.set_password("correct horse")
        ada.save()

        assert "/reset-password/" not in told("reset_password", ada.email)

    def test_is_refused_for_somebody_who_is_not_in(self, owner: Person) -> None:
        people.add_person(BOB, actor=OKTA)

        with pytest.raises(CommandError, match="no Ramp password"):
            told("reset_password", BOB.email)


class TestCloseTenant:
    def test_asks_first(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", StringIO("no\n"))

        with pytest.raises(CommandError, match="Nothing was changed"):
            told("close_tenant", tenant.slug)
        tenant.refresh_from_db()
        assert tenant.closed_at is None

    def test_closes_it_after_a_yes(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", StringIO("yes\n"))

        told("close_tenant", tenant.slug)

        tenant.refresh_from_db()
        assert tenant.closed_at

    def test_names_the_list_for_an_unknown_slug(self) -> None:
        with pytest.raises(CommandError, match=r"manage\.py tenants"):
            told("close_tenant", "acme", "--yes")


class TestRotateToken:
    @pytest.fixture
    def connection(self, tenant: Tenant) -> Connection:
        connection: Connection = Connection.objects.create(
            tenant=tenant, provider="okta", activated_at=timezone.now()
        )
        issue_token(connection)
        return connection

    def test_adds_one_and_keeps_the_old(self, connection: Connection, tenant: Tenant) -> None:
        assert answered("rotate_token", tenant.slug)["token"].startswith("ramp_scim_")

        assert Token.objects.active().count() == 2

    def test_revokes_the_others_if_told_to(self, connection: Connection, tenant: Tenant) -> None:
        [old] = Token.objects.all()

        answer = answered("rotate_token", tenant.slug, "--revoke", "--yes")

        assert answer["revoked"] == [old.hint]
        [active] = Token.objects.active()
        assert answer["token"].endswith(active.hint)

    def test_says_what_to_do_about_two_tokens(self, connection: Connection, tenant: Tenant) -> None:
        told("rotate_token", tenant.slug)

        with pytest.raises(CommandError, match="--revoke"):
            told("rotate_token", tenant.slug)

    def test_asks_which_of_several(self, connection: Connection, tenant: Tenant) -> None:
        other = Connection.objects.create(tenant=tenant, provider="entra")

        with pytest.raises(CommandError, match=str(connection.pk)):
            told("rotate_token", tenant.slug)
        answer = answered("rotate_token", tenant.slug, "--connection", str(other.pk))
        assert answer["connection"] == str(other.pk)


class TestRetryEvent:
    def test_makes_its_deliveries_due(self, ada: Person) -> None:
        event = Event.objects.create(
            tenant_id=ada.tenant_id,
            kind=Event.Kind.PERSON_ADDED,
            actor="job:test",
            interface=Event.Interface.JOB,
            happened_at=timezone.now(),
        )
        later = timezone.now() + timedelta(hours=1)
        Delivery.objects.create(
            tenant_id=ada.tenant_id, event=event, subscriber="scim.tasks.close_errors", due_at=later
        )

        assert answered("retry_event", str(event.pk))["subscribers"] == ["scim.tasks.close_errors"]

        assert Delivery.objects.due(timezone.now()).count() == 1

    def test_says_if_nobody_waits_for_it(self) -> None:
        with pytest.raises(CommandError, match="No subscriber waits for event 7"):
            told("retry_event", "7")


@pytest.mark.parametrize(
    "command",
    [
        *("doctor", "tenants", "person", "reset_password", "rotate_token"),
        *("retry_event", "close_tenant", "restored", "export_person", "erase_person"),
    ],
)
def test_finds_help_for_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command(command, "--help")

    assert "--json" in capsys.readouterr().out


def test_sees_no_other_tenant_after_a_command(ada: Person) -> None:
    told("person", ada.email)

    assert tenancy.current_id() == ada.tenant_id
