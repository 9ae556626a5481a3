"""The last day of guests: administrators set it, and a job deactivates the guests."""

import logging
from datetime import datetime
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from people import events, tenancy
from people.models import Event, Person
from people.operations import ranks
from people.operations.locks import lock, lock_person
from people.operations.people import deactivate_person
from people.operations.person_fields import difference, snapshot
from people.values import Actor, PeopleError

log = logging.getLogger(__name__)

JOB = Actor("job", "guests")
# Guests who are inactive already keep their last day, for a reactivation.
STAYING = (Person.State.INVITED, Person.State.ACTIVE)
REASON = "Their last day as a guest has passed."


class NotGuest(PeopleError):
    code = "not-guest"

    def __init__(self, person: Person) -> None:
        super().__init__(f"{person.full_name} is not a guest, so they have no last day.")


class InvalidLastDay(PeopleError):
    code = "invalid-last-day"
    field = "day"

    def __init__(self) -> None:
        super().__init__("Choose a day in the future. To end their access today, deactivate them.")


@transaction.atomic
def set_last_day(person: Person, deactivates_at: datetime | None, *, actor: Actor) -> bool:
    """Set when the guest is deactivated; None means never. Return whether anything changed.

    :raises PersonAboveRank: if the guest is above the actor's rank.
    :raises NotGuest: if the person is not a guest, or was terminated.
    :raises InvalidLastDay: if the time is in the past.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if person.role != Person.Role.GUEST or person.state == Person.State.TERMINATED:
        raise NotGuest(person)
    if deactivates_at and deactivates_at <= timezone.now():
        raise InvalidLastDay
    before = snapshot(person)
    person.deactivates_at = deactivates_at
    changes = difference(before, snapshot(person))
    if changes:
        person.save(update_fields=["deactivates_at", "changed_at"])
        events.record(Event.Kind.PERSON_REVISED, person, actor=actor, changes=changes)
    return bool(changes)


def deactivate_due(*, as_of: datetime) -> int:
    """Deactivate the guests of all tenants whose last day has passed; return their number."""
    with tenancy.across_tenants():
        due = list(_due(as_of).order_by("deactivates_at").values_list("pk", "tenant_id"))
    count = 0
    for guest_id, tenant_id in due:
        try:
            with tenancy.use(tenant_id):
                count += _deactivate(guest_id, as_of=as_of)
        except SoftTimeLimitExceeded:
            # Celery is about to kill the job, so it must stop now.
            raise
        except Exception:
            # One guest must not keep the others active; the next run tries again.
            log.exception("The guest %s could not be deactivated", guest_id)
    return count


def _due(as_of: datetime) -> QuerySet[Person]:
    guests: QuerySet[Person] = Person.objects.filter(
        deactivates_at__lte=as_of, role=Person.Role.GUEST, state__in=STAYING
    )
    return guests


@transaction.atomic
def _deactivate(guest_id: UUID, *, as_of: datetime) -> bool:
    guest = lock_person(guest_id)
    # An administrator may have moved the day since the query.
    still_due = _due(as_of).filter(pk=guest_id).exists()
    return still_due and deactivate_person(guest, actor=JOB, reason=REASON)
