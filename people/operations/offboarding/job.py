"""The job that terminates the people who are due, each in a transaction of their own.

Several runs at the same time are safe, because each person is locked before they are checked. The
next run tries again those who cannot be terminated yet. Everybody is first checked for alerts. If
the check fails for a tenant, nobody of that tenant is terminated.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from time import monotonic

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import Q, QuerySet

from people import tenancy
from people.models import Person, ScheduledTermination
from people.operations.bulk import alerts
from people.operations.locks import lock_all
from people.operations.offboarding.blockers import (
    blockers_of,
    blockers_of_many,
    is_paused,
    paused_among,
)
from people.operations.offboarding.handover_plan import handover_for, valid_ids
from people.operations.offboarding.terminate import terminate_person
from people.values import Actor, PeopleError

log = logging.getLogger(__name__)

JOB = Actor("job", "auto-termination")
BATCH = 200
# The due date and the key of the last row that was processed.
Place = tuple[datetime, int]
MAX_PROBLEM_LENGTH = 500
UNKNOWN_PROBLEM = "An internal error occurred. Ramp tries again every hour."
UNCHECKED_PROBLEM = (
    "Ramp could not check whether too many people were deactivated at once. "
    "It tries again every hour."
)


def terminate_due(*, as_of: datetime) -> int:
    """Terminate everybody who is due and has no blockers, in all tenants; return how many.

    A failure is logged and listed under Scheduled terminations, and does not stop the others.
    """
    return run_batch(None, as_of=as_of, seconds=math.inf)[0]


def run_batch(after: Place | None, *, as_of: datetime, seconds: float) -> tuple[int, Place | None]:
    """Terminate the due people after the place `after`, until the time is over.

    :returns: how many were terminated, and the place to continue at, or None at the end.
    """
    ends_at = monotonic() + seconds
    done = 0
    with tenancy.across_tenants():
        for page in due_terminations(as_of, after=after):
            checked = _check_alerts(page)
            people = [scheduled_termination.person_id for scheduled_termination in checked]
            # Two queries per page, before anybody is locked.
            blocked = {pk for pk, blockers in blockers_of_many(people).items() if blockers}
            blocked |= paused_among(people).keys()
            for scheduled_termination in checked:
                if scheduled_termination.person_id in blocked:
                    continue
                with tenancy.use(scheduled_termination.tenant_id):
                    done += _try(scheduled_termination, as_of=as_of)
            if monotonic() >= ends_at:
                return done, (page[-1].due_at, page[-1].pk)
    return done, None


def due_terminations(
    as_of: datetime, *, after: Place | None = None
) -> Iterator[list[ScheduledTermination]]:
    """Yield the due rows in pages, without locks."""
    while True:
        due = _due(as_of).order_by("due_at", "pk")
        if after:
            # The index on `due_at` serves the first condition, but not the second one.
            due = due.filter(due_at__gte=after[0])
            due = due.filter(Q(due_at__gt=after[0]) | Q(pk__gt=after[1]))
        page = list(due.only("pk", "due_at", "person_id", "tenant_id", "problem")[:BATCH])
        if page:
            yield page
        if len(page) < BATCH:
            return
        after = (page[-1].due_at, page[-1].pk)


def _due(as_of: datetime) -> QuerySet[ScheduledTermination]:
    # Rows with a manual decision remain when auto-termination is turned off, but are not due then.
    due: QuerySet[ScheduledTermination] = ScheduledTermination.objects.due(as_of).filter(
        tenant__auto_terminate_days__isnull=False
    )
    return due


def _check_alerts(page: list[ScheduledTermination]) -> list[ScheduledTermination]:
    """Check whether these people belong to an alert, and return those it could check."""
    checked: list[ScheduledTermination] = []
    tenant_of = attrgetter("tenant_id")
    for tenant_id, rows in groupby(sorted(page, key=tenant_of), tenant_of):
        scheduled_terminations = list(rows)
        try:
            with tenancy.use(tenant_id):
                alerts.check_people(
                    scheduled_termination.person_id
                    for scheduled_termination in scheduled_terminations
                )
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            # Fail closed: a termination cannot be undone.
            log.exception("Nobody of tenant %s is terminated: checking alerts failed", tenant_id)
            _show_problem(scheduled_terminations, UNCHECKED_PROBLEM)
        else:
            # The check works again, so its earlier failure is no longer shown.
            _show_problem(
                [one for one in scheduled_terminations if one.problem == UNCHECKED_PROBLEM], ""
            )
            checked += scheduled_terminations
    return checked


def _try(scheduled_termination: ScheduledTermination, *, as_of: datetime) -> bool:
    try:
        return terminate_if_due(scheduled_termination.pk, as_of=as_of, actor=JOB)
    except SoftTimeLimitExceeded:
        raise
    # Any other error concerns one person and must not keep the job from the people after them.
    except PeopleError as error:
        log.warning("%s could not be terminated: %s", scheduled_termination.person_id, error)
        _show_problem([scheduled_termination], str(error))
    except Exception:
        log.exception("%s could not be terminated", scheduled_termination.person_id)
        _show_problem([scheduled_termination], UNKNOWN_PROBLEM)
    return False


def _show_problem(scheduled_terminations: Sequence[ScheduledTermination], problem: str) -> None:
    """Show under Scheduled terminations why these people could not be terminated."""
    if scheduled_terminations:
        rows = ScheduledTermination.objects.filter(
            pk__in=[scheduled_termination.pk for scheduled_termination in scheduled_terminations]
        )
        rows.update(problem=problem[:MAX_PROBLEM_LENGTH])


@transaction.atomic
def terminate_if_due(scheduled_termination_id: int, *, as_of: datetime, actor: Actor) -> bool:
    """Terminate the person if they are still due; return whether that was done.

    :raises PeopleError: if the handover plan can no longer be carried out.
    """
    candidate = _due(as_of).filter(pk=scheduled_termination_id).select_related("person").first()
    if candidate is None:
        return False
    # Lock everybody involved in the same order as terminate_person, which avoids deadlocks.
    plan = handover_for(candidate.person, candidate.handover_plan)
    reports = candidate.person.reports.in_lists().values_list("pk", flat=True)
    lock_all([str(candidate.person.pk), *valid_ids(plan.successors), *map(str, reports)])
    # Read again under the lock: somebody may have reactivated, postponed or exempted the person.
    scheduled_termination = (
        _due(as_of).filter(pk=scheduled_termination_id).select_related("person").first()
    )
    if scheduled_termination is None:
        return False
    person = scheduled_termination.person
    if person.state != Person.State.INACTIVE or not person.was_deactivated_via_scim:
        return False
    if blockers_of(person) or is_paused(person):
        return False
    plan = handover_for(person, scheduled_termination.handover_plan)
    return terminate_person(person, plan, actor=actor)
