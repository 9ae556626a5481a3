"""The job that terminates whoever is due, one person a transaction.

It may run anywhere and any number of times at once: what it does is decided by rows that
are locked when they are looked at. Whoever cannot leave yet is looked at again next time.
The bulk-change guard looks at everybody first; where it cannot, nobody is terminated.
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
from people.operations.offboarding.handover_plan import (
    HandoverPlan,
    completed,
    usual_disposition,
    valid_ids,
)
from people.operations.offboarding.terminate import terminate_person
from people.values import Actor, PeopleError

log = logging.getLogger(__name__)

JOB = Actor("job", "auto-termination")
BATCH = 200
# The due date and the number of the row that was looked at last.
Place = tuple[datetime, int]
LONGEST_PROBLEM = 500
UNKNOWN_PROBLEM = "An internal error occurred. Ramp tries again every hour."
UNGUARDED_PROBLEM = (
    "Ramp could not check whether too many people were deactivated at once. "
    "It tries again every hour."
)


def terminate_due(*, as_of: datetime) -> int:
    """Terminate everybody who is due and has no blockers, in all tenants; return how many.

    A failure is logged and listed under Scheduled terminations, and does not stop the others.
    """
    return run_batch(None, as_of=as_of, seconds=math.inf)[0]


def run_batch(after: Place | None, *, as_of: datetime, seconds: float) -> tuple[int, Place | None]:
    """Do that for those behind the place, as many as time allows.

    :returns: how many were terminated, and where to go on; None if that was all.
    """
    ends_at = monotonic() + seconds
    done = 0
    with tenancy.across_tenants():
        for page in due_terminations(as_of, after=after):
            for scheduled_termination in _unhindered(_guarded(page)):
                with tenancy.use(scheduled_termination.tenant_id):
                    done += _try(scheduled_termination, as_of=as_of)
            if monotonic() >= ends_at:
                return done, (page[-1].due_at, page[-1].pk)
    return done, None


def due_terminations(
    as_of: datetime, *, after: Place | None = None
) -> Iterator[list[ScheduledTermination]]:
    """Yield what is due, a few rows at a time; nobody holds any of them."""
    while True:
        due = _due(as_of).order_by("due_at", "pk")
        if after:
            # The first condition is for the index, which does not know the second one.
            due = due.filter(due_at__gte=after[0])
            due = due.filter(Q(due_at__gt=after[0]) | Q(pk__gt=after[1]))
        page = list(due.only("pk", "due_at", "person_id", "tenant_id", "problem")[:BATCH])
        if page:
            yield page
        if len(page) < BATCH:
            return
        after = (page[-1].due_at, page[-1].pk)


def _due(as_of: datetime) -> QuerySet[ScheduledTermination]:
    # What was decided by hand outlives switching auto-termination off, and waits.
    due: QuerySet[ScheduledTermination] = ScheduledTermination.objects.due(as_of).filter(
        tenant__auto_terminate_days__isnull=False
    )
    return due


def _guarded(page: list[ScheduledTermination]) -> list[ScheduledTermination]:
    """Run the bulk-change guard for these people, and return those it could check."""
    kept: list[ScheduledTermination] = []
    tenant_of = attrgetter("tenant_id")
    for tenant_id, rows in groupby(sorted(page, key=tenant_of), tenant_of):
        scheduled_terminations = list(rows)
        try:
            with tenancy.use(tenant_id):
                alerts.look_again(
                    scheduled_termination.person_id
                    for scheduled_termination in scheduled_terminations
                )
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            log.exception("Nobody of tenant %s is terminated: the guard could not look", tenant_id)
            _list(scheduled_terminations, UNGUARDED_PROBLEM)
        else:
            _list([one for one in scheduled_terminations if one.problem == UNGUARDED_PROBLEM], "")
            kept += scheduled_terminations
    return kept


def _unhindered(page: list[ScheduledTermination]) -> list[ScheduledTermination]:
    """Leave out those who cannot leave now, so that a thousand of them cost next to nothing."""
    people = [scheduled_termination.person_id for scheduled_termination in page]
    hindered = {pk for pk, blockers in blockers_of_many(people).items() if blockers}
    hindered |= paused_among(people).keys()
    return [
        scheduled_termination
        for scheduled_termination in page
        if scheduled_termination.person_id not in hindered
    ]


def _try(scheduled_termination: ScheduledTermination, *, as_of: datetime) -> bool:
    try:
        return depart(scheduled_termination.pk, as_of=as_of, actor=JOB)
    except SoftTimeLimitExceeded:
        raise
    except PeopleError as error:
        log.warning("%s could not be terminated: %s", scheduled_termination.person_id, error)
        _list([scheduled_termination], str(error))
    except Exception:
        log.exception("%s could not be terminated", scheduled_termination.person_id)
        _list([scheduled_termination], UNKNOWN_PROBLEM)
    return False


def _list(scheduled_terminations: Sequence[ScheduledTermination], problem: str) -> None:
    """Show under Scheduled terminations why these people could not be terminated."""
    if scheduled_terminations:
        rows = ScheduledTermination.objects.filter(
            pk__in=[scheduled_termination.pk for scheduled_termination in scheduled_terminations]
        )
        rows.update(problem=problem[:LONGEST_PROBLEM])


@transaction.atomic
def depart(scheduled_termination_id: int, *, as_of: datetime, actor: Actor) -> bool:
    """Carry out a due scheduled termination unless something has changed; tell whether.

    :raises PeopleError: if the disposition is not possible any more.
    """
    foreseen = _due(as_of).filter(pk=scheduled_termination_id).select_related("person").first()
    if foreseen is None:
        return False
    # Lock everybody involved in the order in which terminate_person does.
    disposition = disposition_of(foreseen)
    reports = foreseen.person.reports.in_lists().values_list("pk", flat=True)
    lock_all([str(foreseen.person.pk), *valid_ids(disposition.successors), *map(str, reports)])
    # Held now, so that nobody can reactivate, postpone or exempt between the check and the change.
    scheduled_termination = (
        _due(as_of).filter(pk=scheduled_termination_id).select_related("person").first()
    )
    if scheduled_termination is None or not _may_leave(scheduled_termination.person):
        return False
    return terminate_person(
        scheduled_termination.person, disposition_of(scheduled_termination), actor=actor
    )


def _may_leave(person: Person) -> bool:
    if person.state != Person.State.INACTIVE or not person.was_deactivated_via_scim:
        return False
    return not blockers_of(person) and not is_paused(person)


def disposition_of(scheduled_termination: ScheduledTermination) -> HandoverPlan:
    """Return what was planned, as far as it still holds, and what is usual for the rest."""
    said = scheduled_termination.disposition
    if said is None:
        return usual_disposition(scheduled_termination.person)
    return completed(scheduled_termination.person, HandoverPlan(**said))
