"""Retention of the request log, of asynchronous requests and of pagination anchors."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, Subquery

from people import tenancy
from scim.api import async_requests
from scim.models import AsyncRequest, Connection, PaginationAnchor, RequestLog

# Rows deleted in one transaction, which keeps transactions short.
BATCH = 2000


def delete_old_requests(*, as_of: datetime) -> int:
    """Delete requests older than REQUEST_LOG_DAYS; return how many."""
    oldest = as_of - timedelta(days=settings.REQUEST_LOG_DAYS)
    with tenancy.across_tenants():
        finished_until = as_of - async_requests.KEPT
        AsyncRequest.objects.filter(finished_at__lt=finished_until).delete()
        PaginationAnchor.objects.filter(made_at__lt=as_of - timedelta(days=1)).delete()
        # By connection, because the index begins with the connection.
        requests = RequestLog.objects.filter(connection=OuterRef("pk")).order_by("received_at")
        first = Subquery(requests.values("received_at")[:1])
        connections = list(Connection.objects.annotate(first=first).filter(first__lt=oldest))
        deleted = 0
        for connection in connections:
            logs = RequestLog.objects.filter(connection=connection, received_at__lt=oldest)
            old = logs.order_by("received_at").values_list("pk", flat=True)
            while batch := list(old[:BATCH]):
                RequestLog.objects.filter(pk__in=batch).delete()
                deleted += len(batch)
    return deleted
