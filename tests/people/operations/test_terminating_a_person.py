"""Terminating a person."""

from dataclasses import replace

import pytest
from django.utils import timezone

from people.models import (
    ApiToken,
    Approval,
    Card,
    Event,
    Fund,
    Invite,
    OutstandingItem,
    Person,
    ScheduledTermination,
    Step,
)
from people.operations import people
from people.operations.offboarding import handover_plan
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.offboarding.terminate import terminate_person
from people.values import Actor, Invitation, Profile
from tests.factories import core
from tests.support import offboarding
from tests.support.offboarding import Kind, Leaver, State, to

pytestmark = pytest.mark.django_db

OPERATOR = Actor("command", "tests")


def terminate(person: Person, plan: HandoverPlan | None = None) -> bool:
    plan = plan or handover_plan.default_handover(person)
    return terminate_person(person, plan, actor=OPERATOR)


class TestEnds:
    def test_the_account_and_its_sessions(self, ada: Person) -> None:
        before = ada.get_session_auth_hash()

        assert terminate(ada)

        stored = Person.objects.get(pk=ada.pk)
        assert stored.state == Person.State.TERMINATED
        assert stored.terminated_at
        assert not stored.is_active
        assert stored.display_name == "Ada Lovelace (Terminated)"
        assert stored.get_session_auth_hash() != before

    def test_tokens_invites_and_pending_addresses(self, owner: Person) -> None:
        profile = Profile(given_name="Bob", family_name="Babbage", email="bob@example.com")
        bob = people.add_person(profile, actor=OPERATOR, invitation=Invitation())
        ApiToken.objects.create(
            tenant_id=bob.tenant_id, person=bob, digest="d", session_epoch=bob.session_epoch
        )
        Person.objects.filter(pk=bob.pk).update(pending_email="new@example.com")

        terminate(bob)

        assert not ApiToken.objects.active().exists()
        assert Invite.objects.get().revoked_at
        assert Person.objects.get(pk=bob.pk).pending_email == ""

    def test_the_scheduled_termination(self, ada: Person) -> None:
        ScheduledTermination.objects.create(
            tenant_id=ada.tenant_id, person=ada, due_at=timezone.now()
        )

        terminate(ada)

        assert not ScheduledTermination.objects.exists()

    def test_only_once(self, leaver: Leaver) -> None:
        assert terminate(leaver.person)
        events = Event.objects.count()

        assert not terminate(leaver.person, HandoverPlan(cards={"nonsense": None}))

        assert Event.objects.count() == events

    def test_without_possible_reactivation(self, ada: Person) -> None:
        terminate(ada)

        with pytest.raises(people.Terminated):
            people.reactivate_person(ada, actor=OPERATOR)

    def test_so_that_a_new_person_can_have_the_address(self, ada: Person) -> None:
        terminate(ada)

        profile = Profile(given_name="Ada", family_name="Byron", email=ada.email)
        assert people.add_person(profile, actor=OPERATOR).pk != ada.pk

    @pytest.mark.parametrize("state", [Person.State.INVITED, Person.State.INACTIVE])
    def test_also_for_invited_or_inactive_people(self, owner: Person, state: Person.State) -> None:
        assert terminate(core.person(state=state))


class TestHandsOver:
    def test_cards_with_their_controls(self, leaver: Leaver) -> None:
        before = Card.objects.values("monthly_limit", "last_four", "currency", "name").get(
            pk=leaver.virtual.pk
        )

        terminate(leaver.person, to(leaver.heir, leaver.person))

        assert leaver.heir.cards.live().values(*before).get() == before
        assert Card.objects.get(pk=leaver.physical.pk).ended_at

    def test_funds_with_their_balance(self, leaver: Leaver) -> None:
        terminate(leaver.person, to(leaver.heir, leaver.person))

        assert set(leaver.heir.funds.live()) == set(leaver.funds)
        assert leaver.heir.funds.get(name="Team").balance == 12_345
        assert leaver.heir.funds.get(name="Team").payment_limit == 5_000

    def test_nothing_that_the_plan_ends(self, leaver: Leaver) -> None:
        text = replace(
            to(None, leaver.person),
            steps={str(step.pk): str(leaver.heir.pk) for step in leaver.steps},
        )

        terminate(leaver.person, text)

        assert not Card.objects.live().exists()
        assert not Fund.objects.live().exists()
        assert Fund.objects.get(name="Team").owner == leaver.person

    def test_approval_steps_with_pending_approvals(self, leaver: Leaver, owner: Person) -> None:
        first, *others = (str(step.pk) for step in leaver.steps)
        plan = to(leaver.heir, leaver.person)
        plan = replace(plan, steps={**plan.steps, first: str(owner.pk)})

        terminate(leaver.person, plan)

        waiting = Approval.objects.get(pk=leaver.waiting.pk)
        assert (waiting.state, waiting.step.approver) == ("pending", owner)
        assert {str(step.pk) for step in leaver.heir.steps.all()} == set(others)

    def test_reports_to_the_new_manager(self, leaver: Leaver) -> None:
        terminate(leaver.person, to(leaver.heir, leaver.person))

        assert {report.manager for report in Person.objects.filter(given_name__in=["Bob", "Eve"])}
        assert set(leaver.heir.reports.in_lists()) == set(leaver.reports)

    def test_reports_to_one_of_the_reports(self, leaver: Leaver) -> None:
        bob, eve = leaver.reports

        terminate(leaver.person, to(bob, leaver.person))

        assert Person.objects.get(pk=eve.pk).manager == bob
        assert Person.objects.get(pk=bob.pk).manager == leaver.heir

    def test_managed_reports_without_a_manual_override(self, leaver: Leaver) -> None:
        """With an override, the sync would try to restore the old manager every five minutes."""
        bob, _ = leaver.reports
        bob.managed_fields = {"manager": {"by": "scim:okta", "since": "2026-03-02T00:00:00Z"}}
        bob.save()

        terminate(leaver.person)

        assert Person.objects.get(pk=bob.pk).manually_overridden_at is None

    def test_no_outstanding_items_and_drops_submitted_ones(self, leaver: Leaver) -> None:
        stays = [
            offboarding.outstanding_item(leaver.person, kind, state)
            for kind, state in [
                (Kind.REIMBURSEMENT, State.APPROVED),
                (Kind.BILL, State.OPEN),
                (Kind.TRANSACTION, State.PENDING),
                (Kind.TRANSACTION, State.INCOMPLETE),
            ]
        ]
        before = list(OutstandingItem.objects.filter(pk__in=[one.pk for one in stays]).values())

        terminate(leaver.person)

        assert (
            list(OutstandingItem.objects.filter(pk__in=[one.pk for one in stays]).values())
            == before
        )
        dropped = OutstandingItem.objects.get(pk=leaver.submitted.pk)
        assert dropped.state == State.DROPPED
        assert dropped.approvals.get().state == Approval.State.REJECTED


class TestEvents:
    def test_event_contains_the_handover(self, leaver: Leaver) -> None:
        plan = to(leaver.heir, leaver.person)

        terminate(leaver.person, plan)

        event = leaver.person.events.get()
        assert event.kind == Event.Kind.PERSON_TERMINATED
        assert event.changes["state"] == {"from": "active", "to": "terminated"}
        assert event.facts["handover"] == plan.as_json()
        assert event.facts["ended"] == {"cards": ["Plastic …4242"]}
        assert event.facts["dropped"] == [leaver.submitted.description]

    def test_event_of_the_successor_names_received_items(self, leaver: Leaver) -> None:
        terminate(leaver.person, to(leaver.heir, leaver.person))

        event = leaver.heir.events.get()
        assert event.kind == Event.Kind.HOLDINGS_RECEIVED
        assert event.facts == {
            "giver": str(leaver.person.pk),
            "received": {
                "cards": ["Travel …4242"],
                "funds": ["Team", "Offsite"],
                "steps": ["Bills, step 2", "Invoices, step 1", "Travel, step 1"],
                "reports": ["Bob Lovelace", "Eve Lovelace"],
            },
        }

    def test_no_event_for_a_successor_without_items(self, ada: Person, grace: Person) -> None:
        terminate(ada, HandoverPlan(reports=str(grace.pk)))

        assert not grace.events.exists()


class TestDefaultHandover:
    def test_ends_cards_and_gives_the_rest_to_the_manager(self, leaver: Leaver) -> None:
        terminate(leaver.person)

        assert not Card.objects.live().exists()
        assert leaver.heir.funds.live().count() == 2
        assert leaver.heir.steps.count() == 3
        assert leaver.heir.reports.in_lists().count() == 2

    def test_uses_the_owner_if_the_manager_is_inactive(self, leaver: Leaver, owner: Person) -> None:
        people.deactivate_person(leaver.heir, actor=OPERATOR)
        leaver.person.refresh_from_db()

        terminate(leaver.person)

        assert [fund.name for fund in owner.funds.live()] == ["Offsite"]
        assert Fund.objects.live().count() == 1
        assert owner.steps.count() == 3
        assert owner.reports.in_lists().count() == 2

    def test_gives_steps_of_the_account_owner_to_another_owner(self, owner: Person) -> None:
        owner.tenant.owner = owner
        owner.tenant.save(update_fields=["owner"])
        other = core.owner()
        offboarding.step(owner)

        terminate(owner)

        assert Step.objects.get().approver == other

    def test_ends_unshared_funds_of_another_currency_than_the_managers(
        self, leaver: Leaver, owner: Person
    ) -> None:
        london = core.location("London", entity=core.entity("London Ltd", "GBP"))
        Person.objects.filter(pk=leaver.heir.pk).update(location=london)
        leaver.person.refresh_from_db()

        terminate(leaver.person)

        assert [fund.name for fund in Fund.objects.live()] == ["Offsite"]
        assert [fund.name for fund in owner.funds.live()] == ["Offsite"]

    def test_leaves_reports_without_manager_if_the_owner_reports_to_them(
        self, ada: Person, owner: Person
    ) -> None:
        between = core.person(manager=ada)
        Person.objects.filter(pk=owner.pk).update(manager=between)

        terminate(ada)

        between.refresh_from_db()
        assert between.manager is None


class TestHandoverPlan:
    def test_is_completed_with_current_items(self, leaver: Leaver, owner: Person) -> None:
        plan = to(owner, leaver.person)
        leaver.funds[0].ended_at = timezone.now()
        leaver.funds[0].save()
        newer = offboarding.fund(leaver.person, name="Newer")

        terminate(leaver.person, handover_plan.complete_plan(leaver.person, plan))

        assert set(owner.funds.live()) == {leaver.funds[1]}
        assert set(leaver.heir.funds.live()) == {newer}
