"""Certification of a connection: incomplete people are held and nobody is mailed."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from people.models import BulkChange, Event, Invite, Mail, Person, Tenant
from people.operations import email_changes
from people.values import Actor
from scim.models import Connection, ScimUser, SyncError, SyncHeartbeat, Token
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import ENT, RAMP, Answer, Provider, mail, someone
from tests.factories import core
from tests.replay import failures
from tests.scim.conftest import Connect
from tests.services.postgres_redis_smtp import Smtp
from tests.support.scim_settings import address_of, page_of

pytestmark = pytest.mark.django_db

TRACES = sorted((Path(__file__).parents[2] / "traces").glob("*.jsonl"))
[OKTA_SPEC] = [trace for trace in TRACES if trace.stem == "okta_spec"]
HOUR = timedelta(hours=1)


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def address(scim: Provider) -> str:
    return f"{address_of(scim.connection)}certification/"


def press_button(client: Client, scim: Provider, button: str) -> str:
    return text_of(client.post(address(scim), {button: "yes"}, follow=True))


def push_incomplete(scim: Provider, who: str = "ada") -> Answer:
    """Create a user without department and location."""
    return scim("POST", "/Users", someone(who, **{ENT: None, RAMP: None}))


def recorded_events() -> list[tuple[str, str]]:
    events = Event.objects.filter(facts__what__startswith="certification").order_by("pk")
    return [(event.facts["what"], event.actor) for event in events]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_recorded_provider_suites_pass_without_sending_mail(
    connect: Connect, owner: Person, live_server: LiveServer, smtp: Smtp, trace: Path
) -> None:
    scim = connect("okta" if "okta" in trace.stem else "generic", incomplete_policy="refuse")
    press_button(signed_in(owner), scim, "start")

    wrong = failures(trace, base=f"{live_server.url}/scim/v2", token=scim.token)

    call_command("run_due")
    assert not wrong, "\n".join(map(str, wrong))
    assert not smtp.received


@pytest.mark.django_db(transaction=True)
def test_okta_suite_fails_without_certification(connect: Connect, live_server: LiveServer) -> None:
    scim = connect("okta")

    assert failures(OKTA_SPEC, base=f"{live_server.url}/scim/v2", token=scim.token)


@pytest.mark.parametrize("policy", ["refuse", "hold", "fill"])
def test_incomplete_user_is_held_under_every_policy(
    connect: Connect, client: Client, policy: str
) -> None:
    filled = {"default_department": "General", "default_location": "Rome"}
    scim = connect("okta", incomplete_policy=policy, **filled)
    press_button(client, scim, "start")

    answer = push_incomplete(scim)

    assert answer.status == 201
    assert ScimUser.objects.get().person is None
    assert SyncError.objects.open().get().reason == "incomplete"
    assert not Invite.objects.exists()


def test_complete_user_is_created_and_invite_mail_is_withheld(
    scim: Provider, client: Client, smtp: Smtp
) -> None:
    press_button(client, scim, "start")

    scim.add("ada")

    call_command("run_due")
    assert not smtp.received
    [invite_mail] = Mail.objects.all()
    assert invite_mail.problem.startswith("Okta was in certification, which sends no email.")
    ada = Person.objects.get(email="ada@example.com")
    assert "Okta was in certification, which sends no email." in text_of(
        client.get(f"/people/{ada.pk}/")
    )


class TestNoMailIsSent:
    """Occasions on which no mail is sent during certification."""

    def test_to_confirm_a_new_address(self, scim: Provider, client: Client, smtp: Smtp) -> None:
        ada = scim.add("ada")
        person = Person.objects.get(email="ada@example.com")
        Person.objects.filter(pk=person.pk).update(state="active", joined_at=timezone.now())
        Mail.objects.all().delete()
        press_button(client, scim, "start")

        scim.replace(ada, "emails", [mail("new@example.com")])

        call_command("run_due")
        person.refresh_from_db()
        assert person.pending_email == "new@example.com"
        assert not smtp.received

        email_changes.resend_confirmation(person, actor=Actor("person", "owner@example.com"))
        call_command("run_due")
        assert {*map(str, Mail.objects.exclude(sent_at=None).values_list("to", flat=True))} == {
            "ada@example.com",
            "new@example.com",
        }

    def test_when_a_waiting_manager_is_created(
        self, scim: Provider, client: Client, smtp: Smtp
    ) -> None:
        scim("POST", "/Users", someone("ada", **{ENT: {"department": "R", "manager": "eve"}}))
        press_button(client, scim, "start")
        scim("POST", "/Users", someone("eve", externalId="eve"))

        call_command("run_due")

        assert not smtp.received
        assert not Invite.objects.exclude(hold_reason="").exists()

    def test_about_a_bulk_change(
        self, scim: Provider, client: Client, smtp: Smtp, tenant: Tenant
    ) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(alarm_people=1, alarm_minute_people=1)
        people = [scim.add(who) for who in ("ada", "bob", "cyd")]
        Mail.objects.all().delete()
        press_button(client, scim, "start")

        for scim_id in people:
            scim.replace(scim_id, "active", value=False)

        call_command("run_due")
        assert BulkChange.objects.exists()
        assert not smtp.received

    def test_about_an_inactive_connection(self, scim: Provider, owner: Person, smtp: Smtp) -> None:
        scim.add("ada")
        Mail.objects.all().delete()
        SyncHeartbeat.objects.all().delete()
        call_command("run_due")
        now = timezone.now()
        for hours in range(5, 50, 5):
            with time_machine.travel(now + timedelta(hours=hours), tick=False):
                press_button(signed_in(owner), scim, "start")
                call_command("run_due")

        assert not smtp.received
        assert SyncHeartbeat.objects.get().since < now + HOUR


class TestEnd:
    def test_administrator_can_end_certification(self, scim: Provider, client: Client) -> None:
        press_button(client, scim, "start")

        page = press_button(client, scim, "end")

        assert "Certification is off." in page
        assert push_incomplete(scim).status == 400
        by = "person:owner@example.com"
        assert recorded_events() == [("certification on", by), ("certification off", by)]

    def test_certification_ends_after_an_hour(
        self, scim: Provider, client: Client, smtp: Smtp
    ) -> None:
        press_button(client, scim, "start")
        started_at = timezone.now()

        with time_machine.travel(started_at + HOUR - timedelta(seconds=30), tick=False):
            assert push_incomplete(scim).status == 201
        with time_machine.travel(started_at + HOUR, tick=False):
            assert push_incomplete(scim, "bob").status == 400
            assert "Certification is on" not in page_of(client, scim.connection)
            call_command("run_due")
            scim.add("cyd")
            call_command("run_due")

        assert recorded_events()[1:] == [("certification off", "job:certification")]
        assert [received.to for received in smtp.received] == ["cyd@example.com"]

    def test_second_end_is_not_recorded(self, scim: Provider, client: Client) -> None:
        press_button(client, scim, "start")
        press_button(client, scim, "end")
        press_button(client, scim, "end")
        call_command("run_due")

        assert [what for what, _ in recorded_events()] == ["certification on", "certification off"]

    def test_certification_can_be_started_again_after_its_end(
        self, scim: Provider, owner: Person
    ) -> None:
        press_button(signed_in(owner), scim, "start")
        with time_machine.travel(timezone.now() + 2 * HOUR, tick=False):
            press_button(signed_in(owner), scim, "start")
            call_command("run_due")
            assert push_incomplete(scim).status == 201

        assert [what for what, _ in recorded_events()] == [
            "certification on",
            "certification off",
            "certification on",
        ]

    def test_second_start_does_not_extend_certification(
        self, scim: Provider, client: Client
    ) -> None:
        press_button(client, scim, "start")
        ends_at = Connection.objects.get().certification_ends_at

        press_button(client, scim, "start")

        assert Connection.objects.get().certification_ends_at == ends_at
        assert len(recorded_events()) == 1


class TestPage:
    def test_shows_effects_and_end_time(self, scim: Provider, client: Client) -> None:
        before = text_of(client.get(address(scim)))
        page = press_button(client, scim, "start")

        ends_at = Connection.objects.get().certification_ends_at
        assert ends_at
        assert "Certification is off" in before
        assert "Nobody is mailed because of Okta" in before
        assert f"It ends by itself on {ends_at:%-d %B %Y, %H:%M} UTC." in page
        assert "incomplete people are held" in page_of(client, scim.connection)

    def test_shows_values_for_the_okta_suite(self, scim: Provider, client: Client) -> None:
        press_button(client, scim, "start")

        page = press_button(client, scim, "token")

        for name in ("SCIMBaseURL", "auth", "InvalidUserEmail", "randomUsernameCaps"):
            assert f">{name}</label>" in page
        assert 'value="Bearer ramp_scim_' in page
        assert "@suite.invalid" in page

    @pytest.mark.parametrize("provider", ["entra", "rippling", "generic"])
    def test_shows_values_for_other_suites(
        self, connect: Connect, client: Client, provider: str
    ) -> None:
        scim = connect(provider)
        press_button(client, scim, "start")

        page = press_button(client, scim, "token")

        assert "/scim/v2" in page
        assert 'value="ramp_scim_' in page

    def test_token_can_be_added_only_during_certification(
        self, scim: Provider, client: Client
    ) -> None:
        client.post(address(scim), {"token": "yes"})

        assert Token.objects.count() == 1

    def test_third_token_is_refused(self, scim: Provider, client: Client) -> None:
        press_button(client, scim, "start")
        press_button(client, scim, "token")

        page = press_button(client, scim, "token")

        assert "already has two active tokens" in page
        assert Token.objects.count() == 2

    def test_is_for_administrators_of_the_company_only(self, scim: Provider) -> None:
        with core.in_another_tenant():
            stranger = signed_in(core.owner())

        assert stranger.post(address(scim), {"start": "yes"}).status_code == 404
        response = signed_in(core.person()).post(address(scim), {"start": "yes"})
        assert response.headers["Location"].startswith("/sign-in/")
        assert not recorded_events()

    @pytest.mark.parametrize("field", ["activated_at", "disconnected_at"])
    def test_inactive_connection_cannot_be_certified(
        self, connect: Connect, client: Client, field: str
    ) -> None:
        scim = connect(**{field: None if field == "activated_at" else timezone.now()})

        page = press_button(client, scim, "start")

        assert "is not active, so no suite can test it." in page
        assert not recorded_events()
