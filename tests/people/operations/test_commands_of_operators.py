"""The management commands for operators."""

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from people import tenancy
from people.mail import reset_links
from people.models import Delivery, Event, Fund, Mail, Person, Tenant
from people.operations import people
from people.operations.offboarding import schedule
from people.operations.offboarding.handover_plan import HandoverPlan
from people.values import Actor, Profile
from scim.models import Connection, Token
from scim.models.connection import issue_token
from tests.factories import core
from tests.support import offboarding
from tests.support.offboarding import Leaver

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
BOB = Profile(given_name="Bob", family_name="Babbage", email="bob@example.com")


def output_of(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def json_of(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(output_of(*arguments, "--json"))
    return answer


class TestTenants:
    def test_lists_tenants_with_numbers_of_people(
        self, tenant: Tenant, owner: Person, ada: Person
    ) -> None:
        [row] = json_of("tenants")["tenants"]

        assert (row["slug"], row["status"], row["people"]) == (tenant.slug, "active", 2)
        assert row["owner"] is None
        assert f"2 people  {tenant.name}" in output_of("tenants")

    def test_lists_closed_tenants_with_an_option(self, tenant: Tenant) -> None:
        slug = tenant.slug
        output_of("close_tenant", slug, "--yes")

        assert json_of("tenants")["tenants"] == []
        assert [row["status"] for row in json_of("tenants", "--closed")["tenants"]] == ["closed"]

    def test_takes_one_query_for_many_tenants(
        self, tenant: Tenant, django_assert_num_queries: Any
    ) -> None:
        for _ in range(5):
            core.tenant()

        with django_assert_num_queries(1):
            assert len(json_of("tenants")["tenants"]) == 6


class TestPerson:
    def test_shows_state_invite_and_mails(self, owner: Person, tenant: Tenant) -> None:
        bob = people.add_person(BOB, actor=OKTA)
        Mail.objects.update(given_up_at=timezone.now(), attempts=1, problem="550 No such user")

        [facts] = json_of("person", "BOB@example.com")["people"]

        assert (facts["id"], facts["tenant"]) == (str(bob.pk), tenant.slug)
        assert (facts["state"], facts["invite"]["status"]) == ("invited", "open")
        assert facts["mails"][0]["problem"] == "550 No such user"

    def test_prints_readable_lines_without_json(self, ada: Person) -> None:
        output = output_of("person", ada.email)

        assert output.startswith(f"{ada.full_name} <{ada.email}>, tenant ")
        assert "  state           active" in output
        assert "  is operator     no" in output

    def test_lists_people_of_all_tenants_with_the_address(self, ada: Person) -> None:
        with core.in_another_tenant():
            core.person(email=ada.email)

        assert len(json_of("person", ada.email)["people"]) == 2

    def test_reports_an_unknown_address(self, tenant: Tenant) -> None:
        with pytest.raises(CommandError, match=r"Nobody has the address “nobody@example\.com”"):
            output_of("person", "nobody@example.com")


class TestDeactivatePerson:
    def test_ends_the_access_with_a_reason(self, owner: Person, ada: Person) -> None:
        facts = json_of("deactivate_person", ada.email, "--reason", "Laptop stolen.", "--yes")

        assert facts == {"id": str(ada.pk), "state": "inactive", "changed": True}
        event = Event.objects.filter(person=ada).latest("pk")
        assert (event.kind, event.actor) == ("person.deactivated", "command:deactivate_person")
        assert event.facts["reason"] == "Laptop stolen."

    def test_changes_nothing_a_second_time(self, owner: Person, ada: Person) -> None:
        output_of("deactivate_person", ada.email, "--yes")

        assert "was inactive already" in output_of("deactivate_person", ada.email, "--yes")

    def test_keeps_the_last_owner(self, owner: Person) -> None:
        with pytest.raises(CommandError, match="last active Owner"):
            output_of("deactivate_person", owner.email, "--yes")

    def test_changes_nothing_without_confirmation(
        self, owner: Person, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", StringIO("no\n"))

        with pytest.raises(CommandError, match="Nothing was changed"):
            output_of("deactivate_person", ada.email)
        ada.refresh_from_db()
        assert ada.is_active


class TestTerminatePerson:
    def test_hands_over_by_default_to_the_manager(self, leaver: Leaver) -> None:
        facts = json_of("terminate_person", str(leaver.person.pk), "--yes")

        assert facts["changed"]
        assert facts["handover"]["reports_to"] == "Grace Hopper"
        leaver.person.refresh_from_db()
        assert leaver.person.state == Person.State.TERMINATED
        assert {one.owner for one in Fund.objects.live()} == {leaver.heir}
        event = Event.objects.filter(person=leaver.person).latest("pk")
        assert (event.kind, event.actor) == ("person.terminated", "command:terminate_person")

    def test_follows_the_plan_of_a_scheduled_termination(self, leaver: Leaver) -> None:
        core_plan = offboarding.to(None, leaver.person)
        plan = replace(core_plan, steps={str(one.pk): str(leaver.heir.pk) for one in leaver.steps})
        schedule_with(leaver.person, plan)

        output_of("terminate_person", str(leaver.person.pk), "--yes")

        assert not Fund.objects.live().exists()

    def test_names_nothing_that_the_person_holds(
        self, leaver: Leaver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", StringIO("no\n"))

        with pytest.raises(CommandError, match="Nothing was changed") as refused:
            output_of("terminate_person", str(leaver.person.pk))
        assert "Cards and funds that end: 2." in str(refused.value)
        for name in ("Travel", "Plastic", "Team"):
            assert name not in str(refused.value)
        leaver.person.refresh_from_db()
        assert leaver.person.is_active

    def test_keeps_the_last_owner(self, owner: Person) -> None:
        with pytest.raises(CommandError, match="last active Owner"):
            output_of("terminate_person", owner.email, "--yes")

    def test_changes_nothing_a_second_time(self, owner: Person, ada: Person) -> None:
        output_of("terminate_person", str(ada.pk), "--yes")
        count = Event.objects.count()

        assert json_of("terminate_person", str(ada.pk), "--yes")["changed"] is False
        assert Event.objects.count() == count


def schedule_with(person: Person, plan: HandoverPlan) -> None:
    Tenant.objects.filter(pk=person.tenant_id).update(auto_terminate_days=45)
    person.refresh_from_db()
    people.deactivate_person(person, actor=OKTA)
    schedule.plan(person, plan, actor=Actor("command", "tests"))


class TestResetPassword:
    def test_mails_a_link(self, ada: Person) -> None:
        ada.set_password("correct horse")
        ada.save()

        link = json_of("reset_password", ada.email, "--show-link")["link"]

        mail = Mail.objects.get()
        assert (mail.kind, mail.to) == (Mail.Kind.RESET_PASSWORD, ada.email)
        assert link == reset_links.reset_link(mail)
        assert Event.objects.get().actor == "command:reset_password"

    def test_shows_no_link_unless_asked(self, ada: Person) -> None:
        ada.set_password("correct horse")
        ada.save()

        assert "/reset-password/" not in output_of("reset_password", ada.email)

    def test_is_refused_for_an_invited_person(self, owner: Person) -> None:
        people.add_person(BOB, actor=OKTA)

        with pytest.raises(CommandError, match="no Ramp password"):
            output_of("reset_password", BOB.email)


class TestCloseTenant:
    def test_changes_nothing_without_confirmation(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", StringIO("no\n"))

        with pytest.raises(CommandError, match="Nothing was changed"):
            output_of("close_tenant", tenant.slug)
        tenant.refresh_from_db()
        assert tenant.closed_at is None

    def test_closes_the_tenant_after_confirmation(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin", StringIO("yes\n"))

        output_of("close_tenant", tenant.slug)

        tenant.refresh_from_db()
        assert tenant.closed_at

    def test_suggests_the_command_tenants_for_an_unknown_slug(self) -> None:
        with pytest.raises(CommandError, match=r"manage\.py tenants"):
            output_of("close_tenant", "acme", "--yes")


class TestRotateToken:
    @pytest.fixture
    def connection(self, tenant: Tenant) -> Connection:
        connection: Connection = Connection.objects.create(
            tenant=tenant, provider="okta", activated_at=timezone.now()
        )
        issue_token(connection)
        return connection

    def test_adds_a_token_and_keeps_the_old_one(
        self, connection: Connection, tenant: Tenant
    ) -> None:
        assert json_of("rotate_token", tenant.slug)["token"].startswith("ramp_scim_")

        assert Token.objects.active().count() == 2

    def test_revokes_other_tokens_with_an_option(
        self, connection: Connection, tenant: Tenant
    ) -> None:
        [old] = Token.objects.all()

        answer = json_of("rotate_token", tenant.slug, "--revoke", "--yes")

        assert answer["revoked"] == [old.hint]
        [active] = Token.objects.active()
        assert answer["token"].endswith(active.hint)

    def test_suggests_revoking_if_two_tokens_exist(
        self, connection: Connection, tenant: Tenant
    ) -> None:
        output_of("rotate_token", tenant.slug)

        with pytest.raises(CommandError, match="--revoke"):
            output_of("rotate_token", tenant.slug)

    def test_asks_for_a_connection_if_there_are_several(
        self, connection: Connection, tenant: Tenant
    ) -> None:
        other = Connection.objects.create(tenant=tenant, provider="entra")

        with pytest.raises(CommandError, match=str(connection.pk)):
            output_of("rotate_token", tenant.slug)
        answer = json_of("rotate_token", tenant.slug, "--connection", str(other.pk))
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

        assert json_of("retry_event", str(event.pk))["subscribers"] == ["scim.tasks.close_errors"]

        assert Delivery.objects.due(timezone.now()).count() == 1

    def test_reports_an_event_without_deliveries(self) -> None:
        with pytest.raises(CommandError, match="No subscriber waits for event 7"):
            output_of("retry_event", "7")


@pytest.mark.parametrize(
    "command",
    [
        *("doctor", "tenants", "person", "reset_password", "rotate_token"),
        *("retry_event", "close_tenant", "restored", "export_person", "erase_person"),
        *("deactivate_person", "terminate_person"),
    ],
)
def test_every_command_has_help_with_a_json_option(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        call_command(command, "--help")

    assert "--json" in capsys.readouterr().out


def test_command_restores_the_current_tenant(ada: Person) -> None:
    output_of("person", ada.email)

    assert tenancy.current_id() == ada.tenant_id
