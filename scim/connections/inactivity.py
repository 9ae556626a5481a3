"""When identity providers last sent a request, and notices about those that went quiet.

A provider with nothing to say sends nothing, so silence is no fault by itself: administrators
are told once, after a day without a single request, and only if we were there to hear one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from people import tenancy
from people.models import Mail, Person
from people.operations.mail_outbox import enqueue_mail
from scim.models import Connection, RequestLog, SyncHeartbeat, Token

SILENT_AFTER = timedelta(hours=24)
# The cycle runs every few minutes; after a longer gap, measuring starts again.
LONGEST_ABSENCE = timedelta(hours=6)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

# What a provider had us change; what an administrator retried did not come from it.
UPDATES = Q(status__lt=400, retried_by="")


def check_inactivity(*, as_of: datetime) -> int:
    """Update last-seen times, notify about connections that went quiet, and return their number."""
    with tenancy.across_tenants():
        listening_since = record_heartbeat(as_of=as_of)
        update_last_seen(as_of=as_of)
        Connection.objects.filter(pk__in=list(_heard_again())).update(inactivity_notified_at=None)
        silent = [one for one in _used() if _is_silent(one, listening_since, as_of)]
    return sum(_tell(connection, as_of) for connection in silent)


def record_heartbeat(*, as_of: datetime) -> datetime:
    """Record that the cycle ran, and return since when it has run without a long gap."""
    watch, _ = SyncHeartbeat.objects.get_or_create(
        pk=1, defaults={"since": as_of, "seen_at": as_of}
    )
    if not timedelta() <= as_of - watch.seen_at <= LONGEST_ABSENCE:
        watch.since = as_of
    watch.seen_at = as_of
    watch.save(update_fields=["since", "seen_at"])
    return watch.since


def update_last_seen(*, as_of: datetime) -> None:
    """Note the last update of each connection, before the request log forgets it."""
    ended_lately = Q(disconnected_at__gt=as_of - timedelta(days=1))
    updates = RequestLog.objects.filter(
        UPDATES,
        connection=OuterRef("pk"),
        received_at__gt=Coalesce(OuterRef("last_update_at"), LONG_AGO),
    )
    latest = updates.order_by("-received_at").values("received_at")[:1]
    connections = Connection.objects.filter(Q(disconnected_at=None) | ended_lately)
    for connection in connections.annotate(latest=Subquery(latest)).exclude(latest=None):
        rows = Connection.objects.filter(pk=connection.pk)
        rows.update(last_update_at=connection.latest)


def annotate_last_use(connections: QuerySet[Connection]) -> QuerySet[Any]:
    """Annotate when one of the connection's tokens was last used, be it only to read."""
    uses = Token.objects.filter(connection=OuterRef("pk"), last_used_at__isnull=False)
    return connections.annotate(
        used_at=Subquery(uses.order_by("-last_used_at").values("last_used_at")[:1])
    )


def last_seen_at(connection: Any) -> datetime | None:
    """Return when the provider last sent a request; see `annotate_last_use`."""
    return max(filter(None, (connection.used_at, connection.last_update_at)), default=None)


def _used() -> QuerySet[Any]:
    live = Connection.objects.filter(
        activated_at__isnull=False,
        disconnected_at=None,
        inactivity_notified_at=None,
        tenant__is_active=True,
        tenant__is_sandbox=False,
    )
    return annotate_last_use(live)


def _heard_again() -> Iterator[Any]:
    for connection in annotate_last_use(
        Connection.objects.filter(inactivity_notified_at__isnull=False)
    ):
        heard = last_seen_at(connection)
        if heard and heard > connection.inactivity_notified_at:
            yield connection.pk


def _is_silent(connection: Any, listening_since: datetime, as_of: datetime) -> bool:
    heard = last_seen_at(connection)
    return heard is not None and as_of - max(heard, listening_since) >= SILENT_AFTER


def _tell(connection: Any, as_of: datetime) -> bool:
    """Have a mail sent to each administrator, unless another cycle has just done so."""
    heard, page = last_seen_at(connection), reverse("admin:scim_settings", args=[connection.pk])
    with tenancy.use(connection.tenant_id), transaction.atomic():
        untold = Connection.objects.filter(pk=connection.pk, inactivity_notified_at=None)
        if not untold.update(inactivity_notified_at=as_of):
            return False
        for person in Person.objects.active_administrators():
            enqueue_mail(
                Mail.Kind.CONNECTION_SILENT,
                person,
                to=person.email,
                provider=str(connection),
                heard_at=f"{heard:%-d %B %Y, %H:%M} UTC",
                path=page,
            )
    return True
