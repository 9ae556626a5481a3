"""When identity providers last sent a request, and notices about inactive connections.

A provider without changes sends nothing, so inactivity alone is not an error. Administrators are
notified once, after a day without a single request, and only if Ramp was running on that day.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from people import tenancy
from people.models import Mail, Person
from people.models.time_zones import zone_of
from people.operations.mail_outbox import enqueue_mail
from people.presentation.times import moment_text
from scim.models import Connection, RequestLog, SyncHeartbeat, Token

INACTIVE_AFTER = timedelta(hours=24)
# The cycle runs every few minutes; after a longer gap, measuring starts again.
MAX_ABSENCE = timedelta(hours=6)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

# Successful writes of the provider itself; reads are not logged, and retries are ours.
UPDATES = Q(status__lt=400, retried_by="")


def check_inactivity(*, as_of: datetime) -> int:
    """Update last-seen times, notify about inactive connections, and return their number."""
    with tenancy.across_tenants():
        running_since = record_heartbeat(as_of=as_of)
        update_last_seen(as_of=as_of)
        notified = Connection.objects.filter(inactivity_notified_at__isnull=False)
        active_again = [
            connection.pk
            for connection in annotate_last_use(notified)
            if (last_seen_at(connection) or LONG_AGO) > connection.inactivity_notified_at
        ]
        Connection.objects.filter(pk__in=active_again).update(inactivity_notified_at=None)
        # Nobody is mailed because of a connection in certification, which ends within an hour.
        mailed = Q(certification_ends_at=None) | Q(certification_ends_at__lte=as_of)
        live = Connection.objects.filter(
            mailed,
            activated_at__isnull=False,
            disconnected_at=None,
            inactivity_notified_at=None,
            tenant__is_active=True,
            tenant__is_sandbox=False,
        )
        inactive = []
        for connection in annotate_last_use(live):
            last_seen = last_seen_at(connection)
            # The time in which Ramp itself was not running does not count.
            if last_seen and as_of - max(last_seen, running_since) >= INACTIVE_AFTER:
                inactive.append(connection)
    return sum(_notify_administrators(connection, as_of) for connection in inactive)


def record_heartbeat(*, as_of: datetime) -> datetime:
    """Record that the cycle ran, and return since when it has run without a long gap."""
    heartbeat, _ = SyncHeartbeat.objects.get_or_create(
        pk=1, defaults={"since": as_of, "seen_at": as_of}
    )
    # A negative difference means that the clock was set back.
    if not timedelta() <= as_of - heartbeat.seen_at <= MAX_ABSENCE:
        heartbeat.since = as_of
    heartbeat.seen_at = as_of
    heartbeat.save(update_fields=["since", "seen_at"])
    return heartbeat.since


def update_last_seen(*, as_of: datetime) -> None:
    """Store the time of each connection's last update, before the request log deletes it."""
    # A connection that was just disconnected may have updates since the previous cycle.
    ended_lately = Q(disconnected_at__gt=as_of - timedelta(days=1))
    updates = RequestLog.objects.filter(
        UPDATES,
        connection=OuterRef("pk"),
        received_at__gt=Coalesce(OuterRef("last_update_at"), LONG_AGO),
    )
    latest = updates.order_by("-received_at").values("received_at")[:1]
    connections = Connection.objects.filter(Q(disconnected_at=None) | ended_lately)
    updated = connections.annotate(latest=Subquery(latest)).exclude(latest=None)
    updated.update(last_update_at=F("latest"))


def annotate_last_use(connections: QuerySet[Connection]) -> QuerySet[Any]:
    """Annotate when one of the connection's tokens was last used, including for reads."""
    uses = Token.objects.filter(connection=OuterRef("pk"), last_used_at__isnull=False)
    return connections.annotate(
        used_at=Subquery(uses.order_by("-last_used_at").values("last_used_at")[:1])
    )


def last_seen_at(connection: Any) -> datetime | None:
    """Return when the provider last sent a request; see `annotate_last_use`."""
    return max(filter(None, (connection.used_at, connection.last_update_at)), default=None)


def _notify_administrators(connection: Any, as_of: datetime) -> bool:
    """Enqueue a mail to each administrator, unless another cycle has just done so."""
    last_seen, page = last_seen_at(connection), reverse("admin:scim_settings", args=[connection.pk])
    with tenancy.use(connection.tenant_id), transaction.atomic():
        unnotified = Connection.objects.filter(pk=connection.pk, inactivity_notified_at=None)
        if not unnotified.update(inactivity_notified_at=as_of):
            return False
        assert last_seen
        for person in Person.objects.active_administrators():
            enqueue_mail(
                Mail.Kind.CONNECTION_SILENT,
                person,
                to=person.email,
                provider=str(connection),
                heard_at=moment_text(last_seen, zone_of(person)),
                path=page,
            )
    return True
