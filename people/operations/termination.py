"""Termination is final, and hands over everything the person holds: all of it, or nothing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from people import events
from people.fixed_sql import Write
from people.models import Card, Departure, Event, Fund, Obligation, Person, Step, Tenant
from people.operations.description import difference, snapshot
from people.operations.hierarchy import may_manage
from people.operations.invites import revoke_invite
from people.operations.locks import Guarded, hold, holding, lock_all
from people.operations.revising import assign_manager
from people.operations.roles import check_not_needed
from people.values import Actor, PeopleError

LEAVING_FOR_GOOD = ("state", "terminated_at", "session_epoch", "changed_at")


@dataclass(frozen=True, kw_only=True)
class Disposition:
    """What becomes of what somebody holds: by id, to whom it goes; None ends it.

    Physical cards always end, and a step always goes to somebody. All ids are texts, so that
    the whole can be kept as JSON.
    """

    cards: Mapping[str, str | None] = field(default_factory=dict)
    funds: Mapping[str, str | None] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    # Whoever manages their reports from then on, if anybody.
    reports: str | None = None

    @property
    def successors(self) -> set[str]:
        named = {*self.cards.values(), *self.funds.values(), *self.steps.values(), self.reports}
        return {one for one in named if one}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class HoldsMore(PeopleError):
    code = "holds-more"

    def __init__(self, person: Person, what: str) -> None:
        super().__init__(
            f"Nothing was said about {what} of {person.full_name}. Open the page again: "
            "it lists everything they hold now."
        )


class InvalidSuccessor(PeopleError):
    code = "invalid-successor"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} cannot go to them: {why}.")


@dataclass(frozen=True)
class Holdings:
    """What somebody holds, as it is now."""

    cards: list[Card]
    funds: list[Fund]
    steps: list[Step]
    reports: list[Person]


def holdings_of(person: Person) -> Holdings:
    return Holdings(
        cards=list(person.cards.live().order_by("created_at", "pk")),
        funds=list(person.funds.live().order_by("created_at", "pk")),
        steps=list(person.steps.select_related("workflow").order_by("workflow__name", "place")),
        reports=list(person.reports.in_lists().order_by("family_name", "given_name", "pk")),
    )


def usual_disposition(person: Person) -> Disposition:
    """Return what happens where nobody has said anything else.

    Cards end. Funds go to the manager if they can, or end. Approval steps and reports go to
    the manager; steps without one to the account owner.
    """
    tenant = Tenant.objects.select_related("owner").get(pk=person.tenant_id)
    manager = person.manager if person.manager and person.manager.is_active else None
    approver = manager or tenant.owner
    held = holdings_of(person)
    heir = {
        str(fund.pk): str(manager.pk) if manager and currency_of(manager) == fund.currency else None
        for fund in held.funds
    }
    return Disposition(
        cards={str(card.pk): None for card in held.cards},
        funds=heir,
        steps={str(step.pk): str(approver.pk) for step in held.steps} if approver else {},
        reports=str(manager.pk) if manager else None,
    )


@transaction.atomic
def terminate_person(person: Person, disposition: Disposition, *, actor: Actor) -> bool:
    """End the person's account for good, and tell whether that had not been done yet.

    :raises LastOwner, LastAdministrator: if the tenant would be left without one.
    :raises HoldsMore: if they hold something that the disposition does not mention.
    :raises InvalidSuccessor: if something cannot go to whom it shall go to.
    """
    reports = [str(pk) for pk in person.reports.in_lists().values_list("pk", flat=True)]
    people = lock_all([str(person.pk), *disposition.successors, *reports])
    person.refresh_from_db()
    if person.state == Person.State.TERMINATED:
        return False
    hold(Guarded.ORGANISATION_CHART, person.tenant_id)
    check_not_needed(person)
    held = holdings_of(person)
    _Handover(person, disposition, held, people).check()
    before = snapshot(person)
    received = _hand_over(person, disposition, held, people, actor=actor)
    person.state, person.terminated_at = Person.State.TERMINATED, timezone.now()
    person.session_epoch += 1
    revoke_invite(person, actor=actor)
    Departure.objects.filter(person=person).delete()
    events.record(
        Event.Kind.PERSON_TERMINATED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
        storing=Write(person, LEAVING_FOR_GOOD),
        disposition=disposition.as_json(),
        **received,
    )
    return True


def currency_of(person: Person) -> str:
    """Return the currency in which the person's cards and funds are issued."""
    if person.location:
        return person.location.entity.currency
    tenant = Tenant.objects.select_related("default_entity").get(pk=person.tenant_id)
    assert tenant.default_entity, "create_tenant gives every tenant one"
    return tenant.default_entity.currency


@dataclass
class _Handover:
    """The questions that have to be answered with yes before anything is handed over."""

    person: Person
    disposition: Disposition
    held: Holdings
    people: Mapping[str, Person]

    def check(self) -> None:
        for card in self.held.cards:
            self._check_money(card, self.disposition.cards, f"the card “{card}”")
        for fund in self.held.funds:
            self._check_money(fund, self.disposition.funds, f"the fund “{fund}”")
        for step in self.held.steps:
            what = f"the approval step “{step}”"
            if str(step.pk) not in self.disposition.steps:
                raise HoldsMore(self.person, what)
            self._successor(self.disposition.steps[str(step.pk)], what)
        if self.disposition.reports and self.held.reports:
            manager = self._successor(self.disposition.reports, "the reports")
            if not may_manage(manager):
                raise InvalidSuccessor("The reports", "they may not manage anybody")

    def _check_money(self, held: Card | Fund, said: Mapping[str, str | None], what: str) -> None:
        if str(held.pk) not in said:
            raise HoldsMore(self.person, what)
        successor = said[str(held.pk)]
        if successor is None:
            return
        if isinstance(held, Card) and held.kind == Card.Kind.PHYSICAL:
            raise InvalidSuccessor(what.capitalize(), "a physical card always ends")
        if currency_of(self._successor(successor, what)) != held.currency:
            raise InvalidSuccessor(what.capitalize(), "they use another issuing currency")

    def _successor(self, person_id: str, what: str) -> Person:
        found = self.people.get(person_id)
        what = what[:1].upper() + what[1:]
        if found is None:
            raise InvalidSuccessor(what, "there is nobody by this id")
        if found == self.person:
            raise InvalidSuccessor(what, "they are the one who leaves")
        if found.state != Person.State.ACTIVE:
            raise InvalidSuccessor(what, f"{found.display_name} is not active")
        return found


def _hand_over(
    person: Person,
    disposition: Disposition,
    held: Holdings,
    people: Mapping[str, Person],
    *,
    actor: Actor,
) -> dict[str, list[str]]:
    """Do it, and return what ended and what was dropped, by name, for the history."""
    now = timezone.now()
    for rows, said in ((held.cards, disposition.cards), (held.funds, disposition.funds)):
        for row in rows:
            _move(row, said[str(row.pk)], now=now)
    for step in held.steps:
        step.approver_id = UUID(disposition.steps[str(step.pk)])
        step.save(update_fields=["approver"])
    submitted = person.obligations.filter(
        kind=Obligation.Kind.REIMBURSEMENT, state=Obligation.State.SUBMITTED
    )
    dropped = [str(one) for one in submitted.select_for_update()]
    submitted.update(state=Obligation.State.DROPPED)
    _hand_over_reports(person, disposition, held.reports, people, actor=actor)
    return {"dropped": dropped}


def _move(held: Card | Fund, successor: str | None, *, now: Any) -> None:
    """Give it to the successor with all that is left on it, or end it."""
    if successor is None:
        held.ended_at = now
        held.save(update_fields=["ended_at"])
        return
    name = "holder" if isinstance(held, Card) else "owner"
    setattr(held, f"{name}_id", UUID(successor))
    held.save(update_fields=[name])


def _hand_over_reports(
    person: Person,
    disposition: Disposition,
    reports: list[Person],
    people: Mapping[str, Person],
    *,
    actor: Actor,
) -> None:
    """Give each report the new manager; one who becomes it takes the leaver's place."""
    manager = people[disposition.reports] if disposition.reports else None
    for report in sorted(reports, key=lambda one: one != manager):
        with holding(report):
            assign_manager(report, person.manager if report == manager else manager, actor=actor)
