"""Mails to administrators about connections that send no requests any more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from people import tenancy
from people.mail.sending import send_due
from people.models import Mail, Person, Tenant
from scim.api import token_usage
from scim.connections import inactivity
from scim.jobs.log_retention import delete_old_requests
from scim.models import Connection, RequestLog, Token
from scim.tasks import run_sync_cycle
from tests.clients.scim import Provider
from tests.factories import core
from tests.scim.conftest import Connect
from tests.services.postgres_redis_smtp import Smtp

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Clock:
    """Lets time pass with or without the sync cycle."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.now = MONDAY

    def jump(self, **ahead: float) -> None:
        """Let time pass without the sync cycle."""
        self.now += timedelta(**ahead)
        self.traveller.move_to(self.now)

    def run_for(self, hours: int) -> None:
        for _ in range(hours):
            self.jump(hours=1)
            run_cycle(self.now)


def run_cycle(now: datetime) -> None:
    token_usage.save_uses()
    run_sync_cycle(as_of=now)


@pytest.fixture
def clock() -> Iterator[Clock]:
    token_usage._unsaved.clear()
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def okta(clock: Clock, connect: Connect) -> Provider:
    """Connect Okta, push a user, and run the sync cycle."""
    okta = connect()
    okta.add()
    run_cycle(clock.now)
    return okta


def mail_recipients() -> list[str]:
    mails = Mail.objects.filter(kind=Mail.Kind.CONNECTION_SILENT)
    return sorted(mails.values_list("to", flat=True))


class TestAdministratorsAreMailed:
    def test_once_after_a_day_without_requests(self, clock: Clock, okta: Provider) -> None:
        clock.run_for(hours=23)
        assert mail_recipients() == []

        clock.run_for(hours=1)
        assert mail_recipients() == ["owner@example.com"]

        clock.run_for(hours=72)
        assert mail_recipients() == ["owner@example.com"]

    def test_to_all_active_administrators_only(self, clock: Clock, okta: Provider) -> None:
        core.administrator(email="alan@example.com")
        core.person(role=Person.Role.IT_ADMIN, email="it@example.com")
        core.administrator(state=Person.State.INACTIVE)
        core.person(role=Person.Role.BOOKKEEPER)

        clock.run_for(hours=24)

        assert mail_recipients() == ["alan@example.com", "it@example.com", "owner@example.com"]

    def test_with_provider_last_request_and_settings_page(
        self, clock: Clock, okta: Provider
    ) -> None:
        clock.run_for(hours=24)

        facts = Mail.objects.get(kind=Mail.Kind.CONNECTION_SILENT).facts
        assert facts["provider"] == "Okta"
        assert facts["heard_at"] == "2 March 2026, 09:00 UTC"
        assert facts["path"] == f"/integrations/scim/{okta.connection.pk}/"

    def test_with_a_link_to_the_settings(self, clock: Clock, okta: Provider, smtp: Smtp) -> None:
        clock.run_for(hours=24)

        send_due(as_of=clock.now)

        [message] = smtp.to("owner@example.com")
        assert message["Subject"] == "No requests from Okta for a day"
        for kind in ("plain", "html"):
            body = message.get_body((kind,))
            assert body
            assert "2 March 2026, 09:00 UTC" in body.get_content()
            assert f"/integrations/scim/{okta.connection.pk}/" in body.get_content()

    def test_again_after_a_request_in_between(self, clock: Clock, okta: Provider) -> None:
        clock.run_for(hours=30)
        okta("GET", "/Users")
        clock.run_for(hours=1)
        assert Connection.objects.get().inactivity_notified_at is None

        clock.run_for(hours=24)

        assert len(mail_recipients()) == 2

    def test_for_inactive_connection_while_another_is_active(
        self, clock: Clock, okta: Provider, connect: Connect
    ) -> None:
        entra = connect("entra")
        for _ in range(5):
            entra("GET", "/Users")
            clock.run_for(hours=6)

        [mail] = Mail.objects.filter(kind=Mail.Kind.CONNECTION_SILENT)
        assert mail.facts["provider"] == "Okta"

    def test_although_the_sync_cycle_paused_for_five_hours(
        self, clock: Clock, okta: Provider
    ) -> None:
        clock.run_for(hours=10)
        clock.jump(hours=5)
        clock.run_for(hours=10)

        assert mail_recipients() == ["owner@example.com"]


class TestAdministratorsAreNotMailed:
    def test_while_the_provider_reads(self, clock: Clock, okta: Provider) -> None:
        for _ in range(8):
            clock.run_for(hours=6)
            okta("GET", "/Users")

        assert mail_recipients() == []

    def test_while_the_provider_sends_refused_requests(self, clock: Clock, okta: Provider) -> None:
        for _ in range(8):
            clock.run_for(hours=6)
            okta("POST", "/Users", {"userName": "incomplete"})

        assert mail_recipients() == []

    def test_within_a_day_after_ramp_itself_was_down(self, clock: Clock, okta: Provider) -> None:
        clock.jump(hours=30)
        run_cycle(clock.now)
        clock.run_for(hours=23)
        assert mail_recipients() == []

        clock.run_for(hours=1)
        assert mail_recipients() == ["owner@example.com"]

    def test_in_the_first_sync_cycle(self, clock: Clock, connect: Connect) -> None:
        okta = connect()
        okta("GET", "/Users")
        token_usage.save_uses()
        clock.jump(days=3)

        run_cycle(clock.now)

        assert mail_recipients() == []

    @pytest.mark.parametrize(
        "settings",
        [
            pytest.param({"activated_at": None}, id="not activated"),
            pytest.param({"disconnected_at": MONDAY}, id="disconnected"),
        ],
    )
    def test_about_a_connection_that_is_not_live(
        self, clock: Clock, connect: Connect, settings: dict[str, datetime | None]
    ) -> None:
        connect(last_update_at=MONDAY, **settings)

        clock.run_for(hours=30)

        assert mail_recipients() == []

    def test_about_a_connection_without_any_request(self, clock: Clock, connect: Connect) -> None:
        connect()

        clock.run_for(hours=30)

        assert mail_recipients() == []

    @pytest.mark.parametrize("field", [{"is_active": False}, {"is_sandbox": True}])
    def test_in_a_suspended_company_or_a_sandbox(
        self, clock: Clock, okta: Provider, tenant: Tenant, field: dict[str, bool]
    ) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(**field)

        clock.run_for(hours=30)

        assert mail_recipients() == []

    def test_to_administrators_of_another_company(self, clock: Clock, okta: Provider) -> None:
        with core.in_another_tenant():
            core.owner(email="stranger@example.com")

        clock.run_for(hours=30)

        with tenancy.across_tenants():
            assert mail_recipients() == ["owner@example.com"]

    def test_twice_by_two_simultaneous_cycles(self, clock: Clock, okta: Provider) -> None:
        clock.run_for(hours=23)
        clock.jump(hours=1)
        connection = inactivity.annotate_last_use(Connection.objects.all()).get()

        for _ in range(2):
            inactivity._notify_administrators(connection, clock.now)

        assert len(mail_recipients()) == 1


class TestLastUpdate:
    def test_time_is_kept_when_the_request_log_is_deleted(
        self, clock: Clock, okta: Provider
    ) -> None:
        clock.jump(days=60)
        delete_old_requests(as_of=clock.now)

        assert not RequestLog.objects.exists()
        assert Connection.objects.get().last_update_at == MONDAY

    def test_reads_refusals_and_retries_do_not_count(self, clock: Clock, okta: Provider) -> None:
        clock.jump(minutes=10)
        okta("GET", "/Users")
        okta("POST", "/Users", {"userName": "incomplete"})
        RequestLog.objects.filter(status=400).update(retried_by="")
        run_cycle(clock.now)

        assert Connection.objects.get().last_update_at == MONDAY

    def test_time_never_decreases(self, clock: Clock, okta: Provider) -> None:
        later = MONDAY + timedelta(days=1)
        Connection.objects.update(last_update_at=later)

        run_cycle(clock.now)

        assert Connection.objects.get().last_update_at == later

    def test_time_is_stored_after_disconnecting(self, clock: Clock, okta: Provider) -> None:
        clock.jump(minutes=2)
        okta.add("bob")
        Connection.objects.update(disconnected_at=clock.now)
        clock.jump(minutes=2)
        run_cycle(clock.now)

        assert Connection.objects.get().last_update_at == MONDAY + timedelta(minutes=2)


def test_query_count_does_not_grow_with_connections(
    clock: Clock, connect: Connect, django_assert_max_num_queries: object
) -> None:
    for _ in range(20):
        connect(last_update_at=MONDAY)
    assert Token.objects.count() == 20
    run_cycle(clock.now)

    with django_assert_max_num_queries(12):  # type: ignore[operator]
        inactivity.check_inactivity(as_of=clock.now)
