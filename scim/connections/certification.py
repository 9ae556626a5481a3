"""Certification: a while in which the suite of an identity provider may test a live connection.

The suites that providers publish, such as Okta's SPEC test, create people without department and
location and with addresses that nobody reads. While certification is on, incomplete people are
held instead of refused, and nobody is mailed because of the connection. It ends by itself, so
that a forgotten switch does not keep new colleagues from being invited.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.operations import connection_events
from people.values import Actor, PeopleError
from scim.connections.setup import lock_connection
from scim.models import Connection

LASTS: Final = timedelta(hours=1)
CLOCK: Final = Actor("job", "certification")


class NotLive(PeopleError):
    code = "connection-not-live"

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            f"{connection} is not active, so no suite can test it. Activate the connection first."
        )


@transaction.atomic
def start_certification(connection: Connection, *, actor: Actor) -> bool:
    """Turn certification on for an hour; return False if it is on already.

    :raises NotLive: if the connection is not activated, or disconnected.
    """
    lock_connection(connection)
    if not connection.is_live:
        raise NotLive(connection)
    if connection.is_certifying:
        return False
    _end(connection, actor=CLOCK)
    connection.certification_ends_at = timezone.now() + LASTS
    connection.save(update_fields=["certification_ends_at"])
    _record_event("certification on", connection, actor=actor)
    return True


@transaction.atomic
def end_certification(connection: Connection, *, actor: Actor) -> bool:
    """Turn certification off; return False if it was off already."""
    lock_connection(connection)
    return _end(connection, actor=actor if connection.is_certifying else CLOCK)


def end_overdue(*, as_of: datetime) -> None:
    """Record the end of each certification that has ended by itself."""
    with tenancy.across_tenants():
        over = Connection.objects.filter(certification_ends_at__lte=as_of)
        overdue = list(over.filter(tenant__is_sandbox=False))
    for connection in overdue:
        with tenancy.use(connection.tenant_id), transaction.atomic():
            lock_connection(connection)
            # An administrator may have turned it on again since.
            if not connection.is_certifying:
                _end(connection, actor=CLOCK)


def _end(connection: Connection, *, actor: Actor) -> bool:
    if connection.certification_ends_at is None:
        return False
    connection.certification_ends_at = None
    connection.save(update_fields=["certification_ends_at"])
    _record_event("certification off", connection, actor=actor)
    return True


def _record_event(what: str, connection: Connection, *, actor: Actor) -> None:
    connection_events.record_connection_event(
        what, actor=actor, provider=connection.provider, connection=str(connection.pk)
    )
