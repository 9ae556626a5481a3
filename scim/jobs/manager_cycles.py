"""Retry managers that were refused as circular, after the circle is gone.

A provider that reverses a reporting line may send the former top manager first. At that time
their new manager still reports to them, so Ramp refuses the request. It is retried when the
other change has arrived.
"""

from uuid import UUID

from people import tenancy
from people.operations.managers import chain_above, is_above
from people.values import Actor, PeopleError
from scim.jobs import retry, waiting_managers
from scim.models import RequestLog, ScimUser, SyncError
from scim.models.request_log import SyncErrorQuerySet
from scim.sync import managers

ACTOR = Actor("job", "sync cycle")


def retry_below(manager_id: UUID) -> int:
    """Retry after a report left this manager; return the number of people who got a manager."""
    above = chain_above(manager_id)
    waiting = ScimUser.objects.filter(person__in=above).exclude(waiting_manager="")
    refused = _circular_errors().filter(person__in=above)
    return waiting_managers.resolve_waiting(waiting.only("pk")) + _retry_errors(refused)


def retry_all() -> int:
    """Retry all refused circular managers of all tenants; return how many were accepted."""
    with tenancy.across_tenants():
        tenants = set(_circular_errors().values_list("tenant_id", flat=True))
    done = 0
    for tenant_id in tenants:
        with tenancy.use(tenant_id):
            done += _retry_errors(_circular_errors())
    return done


def _circular_errors() -> SyncErrorQuerySet:
    listed = SyncError.objects.open().filter(reason=SyncError.Reason.CIRCULAR_MANAGER)
    return listed.filter(connection__disconnected_at=None, user__deleted_at=None)


def _retry_errors(errors: SyncErrorQuerySet) -> int:
    """Retry the requests whose managers are no longer circular; return how many were accepted."""
    accepted = 0
    for error in errors.select_related("connection", "person", "request"):
        if error.person is None:
            continue
        manager = managers.find(error.connection, error.offending_value)
        if manager is None or is_above(error.person, manager.person):
            continue
        if error.request is not None:
            # A retry of an outdated request would overwrite what the provider sent since.
            later = RequestLog.objects.filter(user=error.user_id, retried_by="")
            if later.filter(received_at__gt=error.request.received_at).exists():
                continue
        try:
            accepted += not retry.retry(error, actor=ACTOR).refused_because
        except PeopleError:
            # The request is no longer stored. The error stays listed for an administrator.
            continue
    return accepted
