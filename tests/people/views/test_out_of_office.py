"""Delegation of approvals while a person is away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from people import events
from people.mail.messages import build_message
from people.mail.sending import send_due
from people.models import Approval, Delegation, Event, Mail, Person, Step
from people.operations.offboarding import blockers
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.offboarding.terminate import terminate_person
from people.operations.people import deactivate_person, reactivate_person
from people.values import Actor
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.postgres_redis_smtp import Smtp
from tests.support.offboarding import Kind, State, outstanding_item, step, to, waits

pytestmark = pytest.mark.django_db

TESTS = Actor("command", "tests")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
# The format of the input type datetime-local.
FORMAT = "%Y-%m-%dT%H:%M"
AWAY = "/account/away/"


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada(now: None, owner: Person) -> Person:
    """The approver who is away."""
    return core.person(email="ada@example.com")


@pytest.fixture
def bob(owner: Person) -> Person:
    """The delegate of Ada."""
    return core.person(given_name="Bob", family_name="Babbage", email="bob@example.com")


@pytest.fixture
def eve(owner: Person) -> Person:
    """The person who made the request."""
    return core.person(given_name="Eve", family_name="Employee")


@pytest.fixture
def travel(ada: Person) -> Step:
    return step(ada, "Travel")


@pytest.fixture
def taxi(eve: Person, travel: Step) -> Approval:
    item = outstanding_item(eve, Kind.REIMBURSEMENT, State.SUBMITTED, description="Taxi")
    return waits(travel, item)


def leave(
    person: Person,
    delegate: str = "bob@example.com",
    *,
    start: datetime = NOW,
    end: datetime = NOW + 7 * DAY,
    by: Person | None = None,
    **values: str,
) -> str:
    """Delegate on the account page, or as an administrator on the page of the person."""
    values |= {"delegate": delegate, "starts_at": f"{start:{FORMAT}}", "ends_at": f"{end:{FORMAT}}"}
    page = f"/people/{person.pk}/away/" if by else AWAY
    return text_of(signed_in(by or person).post(page, values, follow=True))


def end(person: Person, page: str = AWAY) -> str:
    return text_of(signed_in(person).post(page, {"end": "yes"}, follow=True))


def home_of(person: Person) -> str:
    return text_of(signed_in(person).get("/home/"))


def approve(person: Person, approval: Approval) -> Any:
    data = {"decision": "approve"}
    return signed_in(person).post(f"/home/approvals/{approval.pk}/", data, follow=True)


def is_open(approval: Approval) -> bool:
    return Approval.objects.get(pk=approval.pk).state == Approval.State.PENDING


def mails(kind: Mail.Kind) -> list[Mail]:
    return list(Mail.objects.filter(kind=kind).select_related("person__tenant"))


class TestDelegate:
    def test_decides_pending_approvals_of_the_absent_person(
        self, taxi: Approval, ada: Person, bob: Person, eve: Person
    ) -> None:
        assert "Taxi" not in home_of(bob)
        leave(ada, note="Call me if it burns")

        home = home_of(bob)
        assert "for <bdi>Ada Lovelace</bdi>" in home
        assert "You decide the approvals of <bdi>Ada Lovelace</bdi>" in home
        assert "“Call me if it burns”" in home
        page = text_of(signed_in(bob).get(f"/home/approvals/{taxi.pk}/"))
        assert "who is away until 9 March 2026, 09:00 UTC" in page
        approve(bob, taxi)

        assert not is_open(taxi)
        sentence = (
            "Bob Babbage approved the reimbursement “Taxi” of Eve Employee at Travel, step 1, for "
            "Ada Lovelace (away until 9 March 2026, 09:00 UTC)"
        )
        admin = signed_in(core.administrator())
        assert sentence in text_of(admin.get(f"/people/{eve.pk}/"))
        assert sentence in text_of(admin.get("/audit-log/"))

    def test_absent_person_can_still_decide(self, taxi: Approval, ada: Person, bob: Person) -> None:
        leave(ada)
        approve(ada, taxi)

        assert "This was approved already." in text_of(approve(bob, taxi))

    def test_decides_only_within_the_period(
        self, taxi: Approval, ada: Person, bob: Person, now: time_machine.Traveller
    ) -> None:
        leave(ada, start=NOW + DAY, end=NOW + 2 * DAY)

        for moment in (NOW, NOW + 2 * DAY):
            now.move_to(moment)
            assert approve(bob, taxi).status_code == 404
            assert "Taxi" not in home_of(bob)
        now.move_to(NOW + DAY)
        assert approve(bob, taxi).status_code == 200
        assert not is_open(taxi)

    def test_cannot_decide_own_requests_or_those_of_the_absent_person(
        self, travel: Step, ada: Person, bob: Person
    ) -> None:
        leave(ada)
        refusals = {
            bob: "This is your own request",
            ada: "Ada Lovelace made this request, and you are their delegate",
        }
        for requester, refusal in refusals.items():
            asked = waits(travel, outstanding_item(requester, Kind.REIMBURSEMENT, State.SUBMITTED))

            assert refusal in text_of(approve(bob, asked))
            assert is_open(asked)

    def test_delegations_are_not_chained(
        self, taxi: Approval, ada: Person, bob: Person, grace: Person
    ) -> None:
        """Ada decides for Grace, and Bob for Ada, but Bob does not decide for Grace."""
        asked = waits(step(grace), outstanding_item(bob, Kind.BILL, State.OPEN))
        leave(grace, "ada@example.com")
        result = leave(ada, "bob@example.com")

        assert "Bob Babbage decides approvals of Ada Lovelace" in result
        assert approve(bob, asked).status_code == 404
        assert "Grace Hopper" in text_of(signed_in(ada).get(AWAY))
        assert "The delegate is away, too" in home_of(grace)

    def test_cannot_decide_after_the_delegation_was_ended(
        self, taxi: Approval, ada: Person, bob: Person
    ) -> None:
        leave(ada)

        assert "The delegation was ended." in end(ada)

        assert approve(bob, taxi).status_code == 404
        assert "You decide the approvals" not in home_of(bob)
        assert not Delegation.objects.exists()

    def test_cannot_decide_after_their_deactivation(
        self, taxi: Approval, ada: Person, bob: Person
    ) -> None:
        leave(ada)
        client = signed_in(bob)
        assert client.get(f"/home/approvals/{taxi.pk}/").status_code == 200

        # The event of the deactivation has not been delivered yet.
        deactivate_person(bob, actor=TESTS)
        client.post(f"/home/approvals/{taxi.pk}/", {"decision": "approve"})

        assert is_open(taxi)

    def test_is_mailed_at_the_start(
        self, ada: Person, bob: Person, smtp: Smtp, now: time_machine.Traveller
    ) -> None:
        leave(ada, start=NOW + DAY, note="Call me if it burns")
        assert send_due(as_of=NOW) == 0

        now.move_to(NOW + DAY)
        [mail] = mails(Mail.Kind.APPROVALS_DELEGATED)
        text = str(build_message(mail).body)
        assert send_due(as_of=NOW + DAY) == 1

        assert mail.to == "bob@example.com"
        assert "Ada Lovelace is away and has chosen you as delegate." in text
        assert "Until 9 March 2026, 09:00 UTC" in text
        assert "Note: Call me if it burns" in text
        assert "/home/" in text

    def test_is_not_mailed_if_the_delegation_ended_before_its_start(
        self, ada: Person, bob: Person, smtp: Smtp, now: time_machine.Traveller
    ) -> None:
        leave(ada, start=NOW + DAY)
        end(ada)

        now.move_to(NOW + DAY)
        assert send_due(as_of=NOW + DAY) == 0
        [mail] = mails(Mail.Kind.APPROVALS_DELEGATED)
        assert mail.problem == "The delegation was ended or changed."


class TestDelegation:
    def test_is_shown_to_the_absent_person_and_the_delegate(
        self, travel: Step, ada: Person, bob: Person
    ) -> None:
        leave(ada)

        period = "from 2 March 2026, 09:00 UTC until 9 March 2026, 09:00 UTC"
        assert f"<bdi>Bob Babbage</bdi> decides your approvals {period}" in home_of(ada)
        assert f"the approvals of <bdi>Ada Lovelace</bdi> {period}" in home_of(bob)
        assert "Out of office" in text_of(signed_in(ada).get("/account/"))

    def test_is_read_in_the_time_zone_of_the_viewer(self, ada: Person, bob: Person) -> None:
        client = signed_in(ada)
        client.cookies["time_zone"] = "America/New_York"
        values = {"starts_at": "2026-03-02T05:00", "ends_at": "2026-03-10T17:30"}

        client.post(AWAY, {"delegate": "Bob Babbage"} | values)

        delegation = Delegation.objects.get()
        assert delegation.starts_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
        # Daylight saving time began on 8 March.
        assert delegation.ends_at == datetime(2026, 3, 10, 21, 30, tzinfo=UTC)
        assert 'value="2026-03-10T17:30"' in text_of(client.get(AWAY))

    def test_is_recorded_in_the_audit_log(self, ada: Person, bob: Person) -> None:
        leave(ada)
        end(ada)

        text = text_of(signed_in(core.administrator()).get("/audit-log/"))

        period = "from 2 March 2026, 09:00 UTC until 9 March 2026, 09:00 UTC"
        assert f"Ada Lovelace delegated their approvals to Bob Babbage, {period}" in text
        assert "Ada Lovelace ended the delegation of their approvals to Bob Babbage" in text

    def test_replaces_an_earlier_one(
        self, taxi: Approval, ada: Person, bob: Person, grace: Person
    ) -> None:
        leave(ada)
        leave(ada, grace.email)

        assert approve(bob, taxi).status_code == 404
        assert approve(grace, taxi).status_code == 200

    def test_saved_unchanged_records_no_event(self, ada: Person, bob: Person) -> None:
        leave(ada)

        assert "Nothing has changed." in leave(ada)
        assert Event.objects.filter(kind=Event.Kind.DELEGATION_CHANGED).count() == 1

    def test_new_one_can_follow_after_the_end(
        self, ada: Person, bob: Person, now: time_machine.Traveller
    ) -> None:
        leave(ada, end=NOW + DAY)
        now.move_to(NOW + 2 * DAY)

        leave(ada, start=NOW + 3 * DAY, end=NOW + 4 * DAY)

        assert Delegation.objects.get().starts_at == NOW + 3 * DAY

    @pytest.mark.parametrize(
        ("values", "refusal"),
        [
            ({"delegate": "ada@example.com"}, "this is the person who is away"),
            ({"delegate": "nobody@example.com"}, "Nobody in your company has this address"),
            ({"delegate": "Babbage"}, "Nobody in your company has this address or name."),
            ({"start": NOW + DAY, "end": NOW + DAY}, "Choose a time in the future, after the"),
            ({"end": NOW - DAY, "start": NOW - 2 * DAY}, "Choose a time in the future, after the"),
            ({"end": NOW + 400 * DAY}, "at most a year from now"),
            ({"end": datetime.max.replace(tzinfo=UTC)}, "at most a year from now"),
        ],
    )
    def test_is_refused_with_invalid_values(
        self, ada: Person, bob: Person, values: Any, refusal: str
    ) -> None:
        assert refusal in leave(ada, **values)
        assert not Delegation.objects.exists()

    def test_is_refused_with_an_inactive_delegate(self, ada: Person, bob: Person) -> None:
        deactivate_person(bob, actor=TESTS)

        assert "Nobody in your company has this address or name." in leave(ada)

    def test_is_refused_with_a_delegate_of_another_company(self, ada: Person) -> None:
        with core.in_another_tenant():
            core.person(email="zoe@example.com")

        assert "Nobody in your company" in leave(ada, "zoe@example.com")

    def test_asks_for_the_address_if_several_have_the_name(self, ada: Person, bob: Person) -> None:
        core.person(given_name="Bob", family_name="Babbage")

        assert "Several people have this name." in leave(ada, "bob  BABBAGE")
        assert not Delegation.objects.exists()

    def test_is_refused_with_a_delegate_who_is_away_in_the_period(
        self, ada: Person, bob: Person, grace: Person
    ) -> None:
        leave(bob, grace.email, start=NOW + 2 * DAY, end=NOW + 3 * DAY)

        assert "Bob Babbage is away in this period, too." in leave(ada)
        assert "Bob Babbage decides approvals" in leave(ada, end=NOW + 2 * DAY)

    def test_form_suggests_manager_and_fellow_approvers(
        self, travel: Step, ada: Person, bob: Person, eve: Person, grace: Person
    ) -> None:
        Person.objects.filter(pk=ada.pk).update(manager=grace)
        step(bob, "Travel", 2)

        page = text_of(signed_in(Person.objects.get(pk=ada.pk)).get(AWAY))

        assert f'value="{grace.email}"' in page
        assert 'value="bob@example.com"' in page
        assert eve.email not in page


class TestDelegateLeaves:
    def test_absent_person_is_mailed_after_a_deactivation(
        self, taxi: Approval, ada: Person, bob: Person
    ) -> None:
        leave(ada)

        deactivate_person(bob, actor=TESTS)
        events.dispatch_all(as_of=NOW)

        assert not Delegation.objects.exists()
        [mail] = mails(Mail.Kind.DELEGATION_ENDED)
        assert mail.to == "ada@example.com"
        text = str(build_message(mail).body)
        assert "Bob Babbage is no longer active" in text
        assert AWAY in text
        output = text_of(signed_in(core.administrator()).get(f"/people/{ada.pk}/"))
        assert "Ramp ended the delegation of Ada Lovelace’s approvals to Bob Babbage" in output
        assert "Reason: Bob Babbage is no longer active." in output

    def test_termination_ends_the_delegation(
        self, taxi: Approval, ada: Person, bob: Person
    ) -> None:
        leave(ada)

        terminate_person(bob, HandoverPlan(), actor=TESTS)
        events.dispatch_all(as_of=NOW)

        assert not Delegation.objects.exists()
        assert len(mails(Mail.Kind.DELEGATION_ENDED)) == 1

    def test_reactivation_does_not_restore_the_delegation(
        self, taxi: Approval, ada: Person, bob: Person
    ) -> None:
        leave(ada)
        deactivate_person(bob, actor=TESTS)
        reactivate_person(bob, actor=TESTS)

        events.dispatch_all(as_of=NOW)

        assert approve(bob, taxi).status_code == 404

    def test_later_delegation_is_not_ended_by_an_earlier_deactivation(
        self, ada: Person, bob: Person, now: time_machine.Traveller
    ) -> None:
        deactivate_person(bob, actor=TESTS)
        reactivate_person(bob, actor=TESTS)
        now.move_to(NOW + timedelta(seconds=1))
        leave(ada)

        events.dispatch_all(as_of=NOW + DAY)

        assert Delegation.objects.exists()

    def test_delegation_does_not_block_termination_of_the_delegate(
        self, taxi: Approval, ada: Person, bob: Person
    ) -> None:
        leave(ada)

        assert blockers.blockers_of(bob) == []
        assert [one.code for one in blockers.blockers_of(ada)] == ["approvals"]


class TestAbsentPersonLeaves:
    def test_delegation_ends_without_a_mail(self, taxi: Approval, ada: Person, bob: Person) -> None:
        leave(ada)

        deactivate_person(ada, actor=TESTS)
        assert approve(bob, taxi).status_code == 404
        events.dispatch_all(as_of=NOW)

        assert not Delegation.objects.exists()
        assert mails(Mail.Kind.DELEGATION_ENDED) == []

    def test_successor_decides_instead_of_the_delegate(
        self, taxi: Approval, ada: Person, bob: Person, grace: Person
    ) -> None:
        leave(ada)

        terminate_person(ada, to(grace, ada), actor=TESTS)

        assert approve(bob, taxi).status_code == 404
        assert approve(grace, taxi).status_code == 200
        assert not is_open(taxi)


class TestAdministrator:
    def test_can_set_and_end_a_delegation(self, taxi: Approval, ada: Person, bob: Person) -> None:
        admin = core.administrator()
        assert f"/people/{ada.pk}/away/" in text_of(signed_in(admin).get(f"/people/{ada.pk}/"))

        result = leave(ada, by=admin)

        assert "Bob Babbage decides approvals of Ada Lovelace until 9 March 2026" in result
        assert "<bdi>Bob Babbage</bdi> decides the approvals of <bdi>Ada Lovelace</bdi>" in result
        event = Event.objects.get(kind=Event.Kind.DELEGATION_CHANGED)
        assert (event.person, event.actor) == (ada, str(admin.actor))
        assert "Alan Turing delegated Ada Lovelace’s approvals to Bob Babbage" in result

        assert "The delegation was ended." in end(admin, f"/people/{ada.pk}/away/")
        assert not Delegation.objects.exists()

    def test_cannot_delegate_for_a_person_above_their_rank(
        self, owner: Person, bob: Person
    ) -> None:
        admin = core.administrator()

        assert "only an Owner can change this account" in leave(owner, by=admin)
        assert not Delegation.objects.exists()
        step(owner)
        page = text_of(signed_in(admin).get(f"/people/{owner.pk}/"))
        assert "Out of office" in page
        assert f"/people/{owner.pk}/away/" not in page

    def test_cannot_delegate_for_a_person_of_another_company(
        self, owner: Person, bob: Person
    ) -> None:
        admin = core.administrator()
        with core.in_another_tenant():
            stranger = core.person()

        assert signed_in(admin).get(f"/people/{stranger.pk}/away/").status_code == 404

    def test_page_is_refused_for_employees(self, ada: Person, bob: Person) -> None:
        leave(ada, by=bob)

        assert not Delegation.objects.exists()
        assert signed_in(bob).get(f"/people/{ada.pk}/away/").status_code == 302
