"""The email digest for administrators."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from people import tenancy
from people.mail.messages import build_message
from people.mail.sending import send_due
from people.models import AccountSettings, Invite, Mail, Person, Tenant
from people.operations import digests
from people.operations.account_settings import change_account_settings
from people.operations.invites import lifecycle
from people.operations.people import deactivate_person
from people.values import Actor
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.postgres_redis_smtp import Smtp
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db

TESTS = Actor("command", "tests")
DAY = timedelta(days=1)
# A Wednesday, and 8:00 UTC of the Monday after it.
WEDNESDAY = datetime(2026, 3, 4, 15, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def company(db: None) -> Iterator[Tenant]:
    company = core.tenant(slug="acme", name="Acme")
    with tenancy.use(company), time_machine.travel(WEDNESDAY, tick=False):
        yield company


@pytest.fixture(autouse=True)
def owner(company: Tenant) -> Person:
    owner = core.owner(email="olga@acme.example")
    send(WEDNESDAY)
    return owner


@pytest.fixture
def problem(owner: Person) -> Invite:
    """An invite has expired."""
    invite = lifecycle.issue_invite(core.person(state=Person.State.INVITED), actor=TESTS)
    Invite.objects.filter(pk=invite.pk).update(expires_at=WEDNESDAY - DAY)
    return invite


def send(at: datetime) -> int:
    with time_machine.travel(at, tick=False):
        return digests.send_due(as_of=at)


def choose(person: Person, **values: str) -> None:
    change_account_settings(person, values, actor=person.actor)


def mails() -> list[Mail]:
    return list(Mail.objects.filter(kind=Mail.Kind.DIGEST).select_related("person__tenant"))


def text_of_mail(mail: Mail) -> str:
    return str(build_message(mail).body)


class TestIsSent:
    def test_on_monday_at_8_to_each_administrator(self, owner: Person, problem: Invite) -> None:
        core.administrator(email="adam@acme.example")
        core.person(email="ada@acme.example")
        send(WEDNESDAY)

        assert send(MONDAY - timedelta(seconds=1)) == 0
        assert send(MONDAY) == 2
        assert {mail.to for mail in mails()} == {"olga@acme.example", "adam@acme.example"}

    def test_every_day_if_daily_is_chosen(self, owner: Person, problem: Invite) -> None:
        choose(owner, digest="daily")
        mornings = [WEDNESDAY.replace(hour=8) + days * DAY for days in (1, 2, 3)]

        assert [send(morning) for morning in mornings] == [1, 1, 1]

    @pytest.mark.parametrize(
        ("zone", "hour"), [("Asia/Kolkata", (2, 30)), ("America/New_York", (12, 0))]
    )
    def test_at_8_in_the_time_zone_of_the_administrator(
        self, owner: Person, problem: Invite, zone: str, hour: tuple[int, int]
    ) -> None:
        choose(owner, time_zone=zone)
        morning = MONDAY.replace(hour=hour[0], minute=hour[1])

        assert [send(morning - timedelta(minutes=1)), send(morning)] == [0, 1]

    def test_at_8_after_the_clocks_have_changed(self, owner: Person, problem: Invite) -> None:
        choose(owner, time_zone="Europe/Berlin", digest="daily")
        saturday, sunday = (datetime(2026, 3, day, tzinfo=UTC) for day in (28, 29))
        send(saturday.replace(hour=7))

        assert [send(sunday.replace(hour=5, minute=59)), send(sunday.replace(hour=6))] == [0, 1]

    def test_once_per_period_however_often_the_job_runs(self, problem: Invite) -> None:
        sent = [send(MONDAY + timedelta(minutes=minutes)) for minutes in (0, 0, 15, 600, 6 * 1440)]

        assert sent == [1, 0, 0, 0, 0]
        assert send(MONDAY + 7 * DAY) == 1

    def test_once_and_late_after_weeks_without_jobs(self, problem: Invite) -> None:
        late = MONDAY + 23 * DAY

        assert [send(late), send(late + timedelta(hours=1))] == [1, 0]
        assert send(MONDAY + 28 * DAY) == 1

    def test_by_smtp_in_both_formats(self, smtp: Smtp, problem: Invite) -> None:
        with time_machine.travel(MONDAY, tick=False):
            send(MONDAY)
            send_due(as_of=MONDAY)

        [message] = smtp.to("olga@acme.example")
        assert message["Subject"] == "1 thing needs attention at Acme"
        assert message.get_body(("html",))


class TestIsNotSent:
    def test_if_nothing_needs_attention(self) -> None:
        assert send(MONDAY) == 0

    def test_if_never_is_chosen(self, owner: Person, problem: Invite) -> None:
        choose(owner, digest="never")

        assert send(MONDAY) == 0

    def test_to_deactivated_administrators(self, problem: Invite) -> None:
        adam = core.administrator(email="adam@acme.example")
        send(WEDNESDAY)
        deactivate_person(adam, actor=TESTS)

        assert send(MONDAY) == 1
        assert [mail.to for mail in mails()] == ["olga@acme.example"]

    def test_to_former_administrators(self, owner: Person, problem: Invite) -> None:
        send(MONDAY)
        Person.objects.filter(pk=owner.pk).update(role=Person.Role.CARDHOLDER)

        assert send_due(as_of=MONDAY) == 0
        assert "no longer an administrator" in mails()[0].problem

    def test_in_the_week_in_which_a_person_becomes_administrator(
        self, owner: Person, problem: Invite
    ) -> None:
        adam = core.person(email="adam@acme.example")
        Person.objects.filter(pk=adam.pk).update(role=Person.Role.ADMIN)
        noon = MONDAY + timedelta(hours=4)

        assert [send(MONDAY), send(noon), send(MONDAY + 7 * DAY)] == [1, 0, 2]

    def test_of_a_suspended_company(self, company: Tenant, problem: Invite) -> None:
        Tenant.objects.filter(pk=company.pk).update(is_active=False)

        assert send(MONDAY) == 0


class TestContains:
    def test_the_number_and_the_lines_of_the_overview(self, owner: Person, problem: Invite) -> None:
        send(MONDAY)
        [mail] = mails()
        page = text_of(signed_in(owner).get("/overview/"))

        assert mail.facts["total"] == "1"
        assert "1 invite was not delivered or has expired." in page
        text = text_of_mail(mail)
        assert "1 invite was not delivered or has expired." in text
        assert f"{settings.PUBLIC_BASE_URL}/people/updates/invites/?show=attention" in text
        assert f"{settings.PUBLIC_BASE_URL}/overview/" in text

    def test_time_of_the_count_in_the_time_zone_of_the_recipient(
        self, owner: Person, problem: Invite
    ) -> None:
        choose(owner, time_zone="Asia/Kolkata")
        send(MONDAY.replace(hour=2, minute=30))

        assert "counted on 9 March 2026, 08:00 UTC+5:30" in text_of_mail(mails()[0])

    def test_link_to_unsubscribe_in_preferences(self, owner: Person, problem: Invite) -> None:
        send(MONDAY)
        text = text_of_mail(mails()[0])

        assert f"every Monday. Choose how often, or never: {settings.PUBLIC_BASE_URL}" in text
        answer = signed_in(owner).post(
            "/account/preferences/", {"time_zone": "", "phone": "", "digest": "never"}, follow=True
        )
        assert "<dd>Never</dd>" in text_of(answer)
        assert AccountSettings.objects.get().digest_due_at is None


def test_is_not_on_the_timeline_of_the_person(owner: Person, problem: Invite) -> None:
    send(MONDAY)

    assert "digest" not in text_of(signed_in(owner).get(f"/people/{owner.pk}/"))


def test_new_digest_replaces_the_stored_earlier_ones(smtp: Smtp, problem: Invite) -> None:
    for weeks in range(3):
        at = MONDAY + weeks * 7 * DAY
        send(at)
        with time_machine.travel(at, tick=False):
            send_due(as_of=at)

    assert len(mails()) == 1
    assert len(smtp.to("olga@acme.example")) == 3


def test_continues_with_the_next_company_when_the_time_is_over(
    company: Tenant, problem: Invite
) -> None:
    assert digests.send_batch(as_of=MONDAY, seconds=0) == (0, False)
    assert digests.send_batch(as_of=MONDAY, seconds=60) == (1, True)


def test_number_of_queries_is_independent_of_the_number_of_administrators(
    company: Tenant, problem: Invite
) -> None:
    counts = []
    for administrators in (1, 12):
        for _ in range(administrators):
            core.administrator()
        send(WEDNESDAY)
        with (
            time_machine.travel(MONDAY, tick=False),
            CaptureQueriesContext(connection) as captured,
            transaction.atomic(),
        ):
            digests.send_due(as_of=MONDAY)
            transaction.set_rollback(True)
        queries = [query["sql"] for query in captured.captured_queries]
        # Each mail is a row, so the number of these statements grows.
        counts.append(len([sql for sql in queries if 'INSERT INTO "people_mail"' not in sql]))

    assert counts[0] == counts[1]


def test_is_due_in_utc_when_the_time_zone_is_removed(owner: Person, problem: Invite) -> None:
    choose(owner, time_zone="Asia/Kolkata")
    choose(owner, time_zone="")

    assert AccountSettings.objects.get().digest_due_at == MONDAY


def test_contains_nothing_of_another_company(problem: Invite) -> None:
    other = core.tenant(slug="globex", name="Globex")
    with tenancy.use(other):
        core.owner(email="hank@globex.example")
        send(WEDNESDAY)

    assert send(MONDAY) == 1
    with tenancy.use(other):
        assert not mails()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [3], indirect=True)
def test_is_sent_once_by_jobs_that_run_at_once(problem: Invite, racers: Racers) -> None:
    sent = racers(*[lambda: digests.send_due(as_of=MONDAY)] * racers.number)

    assert sum(sent) == 1
    assert len(mails()) == 1
