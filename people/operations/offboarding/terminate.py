"""Terminates a person: final, with a handover of everything they hold, in one transaction."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import Approval, Card, Event, Fund, OutstandingItem, Person, ScheduledTermination
from people.operations import ranks
from people.operations.invites.lifecycle import revoke_invite
from people.operations.locks import LockName, acquire_lock, assume_locked, lock_all
from people.operations.managers import may_manage
from people.operations.offboarding.handover_plan import (
    HandoverPlan,
    HandoverProblems,
    Holdings,
    HoldsMore,
    currency_of,
    default_handover,
    holdings_of,
    named,
    valid_ids,
)
from people.operations.people_update import set_manual_overrides, succeed_manager
from people.operations.person_fields import difference, snapshot
from people.operations.roles.base_roles import check_not_last_admin
from people.values import Actor

__all__ = ["HandoverPlan", "currency_of", "default_handover", "terminate_person"]

TERMINATION_COLUMNS = ("state", "terminated_at", "pending_email", "session_epoch", "changed_at")
# The names of holdings by kind: {"cards": ["Travel …4242"]}.
Received = dict[str, list[str]]


@transaction.atomic
def check_can_terminate(person: Person) -> None:
    """Check that the tenant keeps an Owner and an administrator without the person.

    Pages call this before they ask for a handover plan.

    :raises LastOwner, LastAdministrator: if it does not.
    """
    check_not_last_admin(person)


@transaction.atomic
def terminate_person(person: Person, plan: HandoverPlan, *, actor: Actor) -> bool:
    """Terminate the person permanently; return False if they were terminated already.

    This also ends every session and API token, and revokes the open invite.

    :raises PersonAboveRank: if the person is above the actor's rank.
    :raises LastOwner, LastAdministrator: if the tenant would be left without one.
    :raises HoldsMore: if they hold something that the plan does not mention.
    :raises HoldsLess: if the plan mentions something that they do not hold.
    :raises InvalidSuccessor: if a successor cannot receive what the plan gives them.
    :raises AlwaysEnds: if the plan hands over a physical card.
    """
    reports = [str(pk) for pk in person.reports.in_lists().values_list("pk", flat=True)]
    people = lock_all([str(person.pk), *valid_ids(plan.successors), *reports])
    person.refresh_from_db()
    ranks.check_rank_over(actor, person)
    if person.state == Person.State.TERMINATED:
        return False
    # The reports get another manager. This lock comes before that of the administrators, see
    # people.operations.locks.
    acquire_lock(LockName.ORGANIZATION_CHART, person.tenant_id)
    check_not_last_admin(person, actor=actor)
    held = holdings_of(person, locked=True)
    _check(person, plan, held, people)
    handover = _Handover(person, plan, held, people, actor)
    handover.carry_out()
    _end_account(person, handover, actor=actor)
    # The leaver's manager may receive a report without being a successor of the plan.
    for successor in plan.successors & handover.received.keys():
        events.record(
            Event.Kind.HOLDINGS_RECEIVED,
            people[successor],
            actor=actor,
            giver=str(person.pk),
            received=handover.received[successor],
        )
    return True


def _check(
    person: Person, plan: HandoverPlan, held: Holdings, people: Mapping[str, Person]
) -> None:
    # Only the first problem is raised. The form lists all of them, see `find_problems`.
    for problem in HandoverProblems(person, held, plan, people):
        raise problem
    for report in held.reports:
        if str(report.pk) not in people:
            # They became a report after we listed the reports, so they are not locked.
            raise HoldsMore(person, f"{report.full_name}, who reports to them", "reports")


def _end_account(person: Person, handover: "_Handover", *, actor: Actor) -> None:
    before = snapshot(person)
    person.state, person.terminated_at = Person.State.TERMINATED, timezone.now()
    person.pending_email = ""
    person.session_epoch += 1
    revoke_invite(person, actor=actor)
    ScheduledTermination.objects.filter(person=person).delete()
    person.save(update_fields=TERMINATION_COLUMNS)
    events.record(
        Event.Kind.PERSON_TERMINATED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
        handover=handover.plan.as_json(),
        ended=handover.ended,
        dropped=handover.dropped,
        received=handover.received,
        unmanaged=handover.unmanaged,
    )


@dataclass
class _Handover:
    """Carries out a plan, and collects the names of what was handed over for the history."""

    person: Person
    plan: HandoverPlan
    held: Holdings
    people: Mapping[str, Person]
    actor: Actor
    at: datetime = field(default_factory=timezone.now)
    ended: Received = field(default_factory=lambda: defaultdict(list))
    dropped: list[str] = field(default_factory=list)
    # The reports who have no manager now.
    unmanaged: list[str] = field(default_factory=list)
    received: dict[str, Received] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def carry_out(self) -> None:
        for card in self.held.cards:
            self._move("cards", card, self.plan.cards[str(card.pk)])
        for fund in self.held.funds:
            self._move("funds", fund, self.plan.funds[str(fund.pk)])
        for step in self.held.steps:
            approver = self.plan.steps[str(step.pk)]
            # Pending approvals refer to the step, so they now wait for the new approver.
            step.approver_id = UUID(approver)
            step.save(update_fields=["approver"])
            self.received[approver]["steps"].append(named(step))
        self._drop()
        self._reassign()

    def _move(self, kind: str, held: Card | Fund, successor: str | None) -> None:
        """Hand the card or fund over with its balance, or end it."""
        if successor is None:
            held.ended_at = self.at
            held.save(update_fields=["ended_at"])
            self.ended[kind].append(named(held))
            return
        name = "holder" if isinstance(held, Card) else "owner"
        setattr(held, f"{name}_id", UUID(successor))
        held.save(update_fields=[name])
        self.received[successor][kind].append(named(held))

    def _drop(self) -> None:
        """Drop reimbursements that are not approved yet, and reject their pending approvals."""
        submitted = self.person.outstanding_items.filter(
            kind=OutstandingItem.Kind.REIMBURSEMENT, state=OutstandingItem.State.SUBMITTED
        )
        rows = list(submitted.select_for_update(no_key=True).order_by("created_at", "pk"))
        if not rows:
            return
        self.dropped = [row.description for row in rows]
        keys = [row.pk for row in rows]
        OutstandingItem.objects.filter(pk__in=keys).update(state=OutstandingItem.State.DROPPED)
        waiting = Approval.objects.filter(outstanding_item__in=keys, state=Approval.State.PENDING)
        waiting.update(
            state=Approval.State.REJECTED, decided_by=str(self.actor), decided_at=self.at
        )

    def _reassign(self) -> None:
        """Give each report the new manager. A report who becomes it gets the leaver's manager."""
        manager = self.people.get(self.plan.reports or "")
        above = self.person.manager
        # The leaver's own manager may have been terminated, or may be a guest.
        if above and not may_manage(above):
            above = None
        # The successor first: the others cannot report to somebody who still reports to the leaver.
        for report in sorted(self.held.reports, key=lambda one: one != manager):
            new_manager = above if report == manager else manager
            with assume_locked(report):
                succeed_manager(report, new_manager, actor=self.actor)
            if new_manager:
                self.received[str(new_manager.pk)]["reports"].append(report.full_name)
            else:
                self.unmanaged.append(report.full_name)
        for report in self.held.reports:
            self._unmark_manager(report)

    def _unmark_manager(self, report: Person) -> None:
        """Remove the manual override that `succeed_manager` has set.

        With it, the next sync would restore the leaver as the report's manager.
        """
        before = self.people[str(report.pk)].manually_overridden_fields
        if "manager" in report.manually_overridden_fields and "manager" not in before:
            set_manual_overrides(report, before)
            report.save(update_fields=["manually_overridden_fields", "manually_overridden_at"])
