"""Retry managers that were refused as circular, after the cycle is gone.

A provider that reverses a reporting line may send the former top manager first. Their new
manager still reports to them then, so the request is refused. It is retried after the other
change has arrived.
"""

from uuid import UUID

from people import tenancy
from people.models import Person
from people.operations.managers import chain_above, is_above
from people.values import Actor, PeopleError
from scim.jobs import periodic, retry
from scim.models import RequestLog, ScimUser, SyncError
from scim.models.request_log import SyncErrorQuerySet
from scim.sync import managers

CIRCLE = Actor("job", "sync cycle")


def retry_below(manager_id: UUID) -> int:
    """Try again after this manager lost a report; return how many people it mattered for."""
    above = chain_above(manager_id)
    waiting = ScimUser.objects.filter(person__in=above).exclude(waiting_manager="")
    refused = _refused().filter(person__in=above)
    return periodic.resolve_waiting(waiting.only("pk")) + _retry(refused)


def retry_all() -> int:
    """Try everything again that a circle has stopped, all tenants'."""
    with tenancy.across_tenants():
        tenants = set(_refused().values_list("tenant_id", flat=True))
    done = 0
    for tenant_id in tenants:
        with tenancy.use(tenant_id):
            done += _retry(_refused())
    return done


def _refused() -> SyncErrorQuerySet:
    listed = SyncError.objects.open().filter(reason=SyncError.Reason.CIRCULAR_MANAGER)
    return listed.filter(connection__disconnected_at=None, user__deleted_at=None)


def _retry(errors: SyncErrorQuerySet) -> int:
    return sum(_try(error) for error in errors.select_related("connection", "person", "request"))


def _try(error: SyncError) -> bool:
    if error.person is None or _closes_circle(error, error.person) or not _is_latest(error):
        return False
    try:
        return not retry.retry(error, actor=CIRCLE).refused_because
    except PeopleError:
        # It is not kept any more; an administrator sees it in the list.
        return False


def _closes_circle(error: SyncError, person: Person) -> bool:
    manager = managers.find(error.connection, error.offending_value)
    return manager is None or is_above(person, manager.person)


def _is_latest(error: SyncError) -> bool:
    """Tell whether the provider has sent nothing about the user since."""
    if error.request is None:
        return True
    later = RequestLog.objects.filter(user=error.user_id, retried_by="")
    return not later.filter(received_at__gt=error.request.received_at).exists()
