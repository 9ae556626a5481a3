"""The auto-termination status of inactive people: date, blockers, and reasons why not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from people import tenancy
from people.models import Person, ScheduledTermination, Tenant
from people.operations.offboarding.blockers import Blocker, blockers_of_many, paused_among
from people.operations.offboarding.schedule import due_at
from people.presentation.person_notices import Notice
from people.presentation.times import day_text

# The list page on which a blocker can be resolved, with a filter for the person.
SETTLED_AT = {
    "reimbursements": ("people_outstandingitem_changelist", "?person__id__exact={}"),
    "bills": ("people_outstandingitem_changelist", "?person__id__exact={}"),
    "transactions": ("people_outstandingitem_changelist", "?person__id__exact={}"),
    "shared-funds": ("people_fund_changelist", "?owner__id__exact={}"),
}
# The sections of the person's own page on which the other blockers can be resolved.
SECTIONS = {"approvals": "workflows", "permissions": "roles"}


@dataclass(frozen=True)
class Reason:
    sentence: str
    url: str


@dataclass(frozen=True)
class TerminationStatus:
    """When somebody is terminated, or why not."""

    person: Person
    scheduled_termination: ScheduledTermination | None
    now: datetime
    is_on: bool = True
    blockers: list[Blocker] = field(default_factory=list)
    # The bulk change that somebody has to confirm first.
    paused_by: UUID | None = None
    # After how many days people are terminated; None while auto-termination is off.
    days: int | None = None

    @property
    def is_scheduled(self) -> bool:
        return (
            self.is_on
            and self.scheduled_termination is not None
            and not self.scheduled_termination.exempted_at
        )

    @property
    def is_in_grace(self) -> bool:
        """Tell whether `GRACE` has moved the date: the days were changed recently."""
        scheduled_termination = self.scheduled_termination
        if scheduled_termination is None or scheduled_termination.postponed_from or not self.days:
            return False
        return scheduled_termination.due_at > max(self.now, due_at(self.person, self.days))

    @property
    def is_blocked(self) -> bool:
        return bool(self.blockers or self.paused_by)

    @property
    def why_not(self) -> str:
        """Return why no termination is scheduled; blank if one is."""
        if not self.person.was_deactivated_via_scim:
            return "Not scheduled: deactivated manually"
        if not self.is_on:
            return "Not scheduled: auto-termination is off"
        if self.scheduled_termination is None:
            return "Not scheduled"
        return (
            f"Exempt: {self.scheduled_termination.exempted_reason}"
            if self.scheduled_termination.exempted_at
            else ""
        )

    @property
    def days_left(self) -> str:
        assert self.scheduled_termination
        # Calendar days of the viewer, because the page shows the date and not the hour.
        due_on = timezone.localdate(self.scheduled_termination.due_at)
        days = (due_on - timezone.localdate(self.now)).days
        if days < 0:
            return "due"
        match days:
            case 0:
                return "today"
            case 1:
                return "1 day left"
            case _:
                return f"{days:,} days left"

    @cached_property
    def reasons(self) -> list[Reason]:
        """Return the blockers, each with the URL of the page on which to resolve it."""
        reasons = []
        for blocker in self.blockers:
            if blocker.code in SECTIONS:
                page = reverse("admin:people_person_change", args=[self.person.pk])
                url = f"{page}#{SECTIONS[blocker.code]}"
            else:
                name, query = SETTLED_AT[blocker.code]
                url = reverse(f"admin:{name}") + query.format(self.person.pk)
            reasons.append(Reason(blocker.sentence, url))
        return reasons


def termination_status(person: Person) -> TerminationStatus:
    return termination_statuses([person])[person.pk]


def termination_statuses(
    people: Iterable[Person], now: datetime | None = None
) -> dict[UUID, TerminationStatus]:
    """Return the status of each person by id. The number of queries is constant."""
    by_id = {person.pk: person for person in people}
    scheduled_terminations = {
        one.person_id: one for one in ScheduledTermination.objects.filter(person__in=by_id)
    }
    blockers = blockers_of_many(scheduled_terminations) if scheduled_terminations else {}
    paused = paused_among(scheduled_terminations) if scheduled_terminations else {}
    days, now = days_in_force(), now or timezone.now()
    return {
        pk: TerminationStatus(
            person=person,
            scheduled_termination=scheduled_terminations.get(pk),
            now=now,
            is_on=days is not None,
            days=days,
            blockers=blockers.get(pk, []),
            paused_by=paused.get(pk),
        )
        for pk, person in by_id.items()
    }


def days_in_force() -> int | None:
    """Return the days of the tenant in force; None if auto-termination is off."""
    tenants = Tenant.objects.filter(pk=tenancy.current_id())
    return tenants.values_list("auto_terminate_days", flat=True).get()


def notices_for(person: Person) -> Iterator[Notice]:
    """Yield a banner for the person's page with the date and the blockers of the termination."""
    if person.state != Person.State.INACTIVE:
        return
    termination = termination_status(person)
    scheduled_termination = termination.scheduled_termination
    if scheduled_termination is None or not termination.is_on:
        return
    day = f"{day_text(scheduled_termination.due_at)} ({termination.days_left})"
    if scheduled_termination.exempted_at:
        text = f"Will not be terminated automatically. {termination.why_not}."
    elif termination.blockers:
        reasons = ", ".join(blocker.sentence for blocker in termination.blockers)
        text = f"Scheduled for termination on {day}. Blocked until this is settled: {reasons}."
    elif termination.paused_by:
        text = f"Scheduled for termination on {day}. Paused until the bulk change is confirmed."
    else:
        condition = "unless they are reactivated or there is a blocker"
        text = f"Scheduled for termination on {day}, {condition}."
    yield Notice(
        text=text,
        url=reverse("admin:scheduled_termination", args=[person.pk]),
        link="View details",
    )
