"""When a provider falls silent, its administrators …"""

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
    """Lets time pass while beat comes by, as it does on a server that is up."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.now = MONDAY

    def jump(self, **ahead: float) -> None:
        """Let time pass while nothing of ours runs."""
        self.now += timedelta(**ahead)
        self.traveller.move_to(self.now)

    def pass_by(self, hours: int) -> None:
        for _ in range(hours):
            self.jump(hours=1)
            beat(self.now)


def beat(now: datetime) -> None:
    token_usage.save_uses()
    run_sync_cycle(as_of=now)


@pytest.fixture
def clock() -> Iterator[Clock]:
    token_usage._unsaved.clear()
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def okta(clock: Clock, connect: Connect) -> Provider:
    """Connect Okta, which has pushed somebody, and let beat run."""
    okta = connect()
    okta.add()
    beat(clock.now)
    return okta


def told() -> list[str]:
    mails = Mail.objects.filter(kind=Mail.Kind.CONNECTION_SILENT)
    return sorted(mails.values_list("to", flat=True))


class TestAreTold:
    """They are told …"""

    def test_after_a_day_once(self, clock: Clock, okta: Provider) -> None:
        clock.pass_by(hours=23)
        assert told() == []

        clock.pass_by(hours=1)
        assert told() == ["owner@example.com"]

        clock.pass_by(hours=72)
        assert told() == ["owner@example.com"]

    def test_all_of_them_and_nobody_else(self, clock: Clock, okta: Provider) -> None:
        core.administrator(email="alan@example.com")
        core.person(role=Person.Role.IT_ADMIN, email="it@example.com")
        core.administrator(state=Person.State.INACTIVE)
        core.person(role=Person.Role.BOOKKEEPER)

        clock.pass_by(hours=24)

        assert told() == ["alan@example.com", "it@example.com", "owner@example.com"]

    def test_of_whom_since_when_and_where_to_look(self, clock: Clock, okta: Provider) -> None:
        clock.pass_by(hours=24)

        facts = Mail.objects.get(kind=Mail.Kind.CONNECTION_SILENT).facts
        assert facts["provider"] == "Okta"
        assert facts["heard_at"] == "2 March 2026, 09:00 UTC"
        assert facts["path"] == f"/integrations/scim/{okta.connection.pk}/"

    def test_by_a_mail_that_leads_to_the_settings(
        self, clock: Clock, okta: Provider, smtp: Smtp
    ) -> None:
        clock.pass_by(hours=24)

        send_due(as_of=clock.now)

        [message] = smtp.to("owner@example.com")
        assert message["Subject"] == "No requests from Okta for a day"
        for kind in ("plain", "html"):
            body = message.get_body((kind,))
            assert body
            assert "2 March 2026, 09:00 UTC" in body.get_content()
            assert f"/integrations/scim/{okta.connection.pk}/" in body.get_content()

    def test_again_when_it_was_heard_in_between(self, clock: Clock, okta: Provider) -> None:
        clock.pass_by(hours=30)
        okta("GET", "/Users")
        clock.pass_by(hours=1)
        assert Connection.objects.get().inactivity_notified_at is None

        clock.pass_by(hours=24)

        assert len(told()) == 2

    def test_for_one_connection_though_another_speaks(
        self, clock: Clock, okta: Provider, connect: Connect
    ) -> None:
        entra = connect("entra")
        for _ in range(5):
            entra("GET", "/Users")
            clock.pass_by(hours=6)

        [mail] = Mail.objects.filter(kind=Mail.Kind.CONNECTION_SILENT)
        assert mail.facts["provider"] == "Okta"


class TestAreNotTold:
    """They are not told …"""

    def test_while_it_reads(self, clock: Clock, okta: Provider) -> None:
        for _ in range(8):
            clock.pass_by(hours=6)
            okta("GET", "/Users")

        assert told() == []

    def test_while_it_is_refused(self, clock: Clock, okta: Provider) -> None:
        for _ in range(8):
            clock.pass_by(hours=6)
            okta("POST", "/Users", {"userName": "incomplete"})

        assert told() == []

    def test_when_it_was_we_who_were_away(self, clock: Clock, okta: Provider) -> None:
        clock.jump(hours=30)
        beat(clock.now)
        clock.pass_by(hours=23)
        assert told() == []

        clock.pass_by(hours=1)
        assert told() == ["owner@example.com"]

    def test_when_beat_runs_for_the_first_time(self, clock: Clock, connect: Connect) -> None:
        okta = connect()
        okta("GET", "/Users")
        token_usage.save_uses()
        clock.jump(days=3)

        beat(clock.now)

        assert told() == []

    def test_though_a_job_was_missed(self, clock: Clock, okta: Provider) -> None:
        clock.pass_by(hours=10)
        clock.jump(hours=5)
        clock.pass_by(hours=10)

        assert told() == ["owner@example.com"]

    @pytest.mark.parametrize(
        "settings",
        [
            pytest.param({"activated_at": None}, id="not activated"),
            pytest.param({"disconnected_at": MONDAY}, id="disconnected"),
        ],
    )
    def test_of_a_connection_that_is_not_live(
        self, clock: Clock, connect: Connect, settings: dict[str, datetime | None]
    ) -> None:
        connect(last_update_at=MONDAY, **settings)

        clock.pass_by(hours=30)

        assert told() == []

    def test_of_one_that_was_never_heard(self, clock: Clock, connect: Connect) -> None:
        connect()

        clock.pass_by(hours=30)

        assert told() == []

    @pytest.mark.parametrize("field", [{"is_active": False}, {"is_sandbox": True}])
    def test_of_a_company_that_is_off_or_a_sandbox(
        self, clock: Clock, okta: Provider, tenant: Tenant, field: dict[str, bool]
    ) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(**field)

        clock.pass_by(hours=30)

        assert told() == []

    def test_what_is_anothers(self, clock: Clock, okta: Provider) -> None:
        with core.in_another_tenant():
            core.owner(email="stranger@example.com")

        clock.pass_by(hours=30)

        with tenancy.across_tenants():
            assert told() == ["owner@example.com"]

    def test_twice_by_two_cycles_at_once(self, clock: Clock, okta: Provider) -> None:
        clock.pass_by(hours=23)
        clock.jump(hours=1)
        connection = inactivity.annotate_last_use(Connection.objects.all()).get()

        for _ in range(2):
            inactivity._notify_administrators(connection, clock.now)

        assert len(told()) == 1


class TestTheLastUpdate:
    """The last update …"""

    def test_outlives_the_log_that_forgets_it(self, clock: Clock, okta: Provider) -> None:
        clock.jump(days=60)
        delete_old_requests(as_of=clock.now)

        assert not RequestLog.objects.exists()
        assert Connection.objects.get().last_update_at == MONDAY

    def test_is_no_refusal_no_read_and_no_retry(self, clock: Clock, okta: Provider) -> None:
        clock.jump(minutes=10)
        okta("GET", "/Users")
        okta("POST", "/Users", {"userName": "incomplete"})
        RequestLog.objects.filter(status=400).update(retried_by="")
        beat(clock.now)

        assert Connection.objects.get().last_update_at == MONDAY

    def test_never_goes_back(self, clock: Clock, okta: Provider) -> None:
        later = MONDAY + timedelta(days=1)
        Connection.objects.update(last_update_at=later)

        beat(clock.now)

        assert Connection.objects.get().last_update_at == later

    def test_before_the_end_is_kept_after_it(self, clock: Clock, okta: Provider) -> None:
        clock.jump(minutes=2)
        okta.add("bob")
        Connection.objects.update(disconnected_at=clock.now)
        clock.jump(minutes=2)
        beat(clock.now)

        assert Connection.objects.get().last_update_at == MONDAY + timedelta(minutes=2)


def test_cost_the_cycle_no_more_queries_for_twenty_connections_than_for_two(
    clock: Clock, connect: Connect, django_assert_max_num_queries: object
) -> None:
    for _ in range(20):
        connect(last_update_at=MONDAY)
    assert Token.objects.count() == 20
    beat(clock.now)

    with django_assert_max_num_queries(12):  # type: ignore[operator]
        inactivity.check_inactivity(as_of=clock.now)
