"""What operators see of the connections of each tenant: the last sync and the errors."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, OuterRef, Subquery
from django.utils import timezone

from people import tenancy
from people.provider_facts import TenantActivity
from scim.connections.inactivity import UPDATES
from scim.models import Connection, RequestLog, SyncError

ERRORS_OF: Final = timedelta(days=1)


def of_tenants(tenants: Collection[int]) -> Mapping[int, TenantActivity]:
    """Return the activity by tenant, with two queries for all of them."""
    with tenancy.across_tenants():
        updates = RequestLog.objects.filter(UPDATES, connection=OuterRef("pk"))
        latest = updates.order_by("-received_at").values("received_at")[:1]
        connections = Connection.objects.filter(tenant__in=tenants).annotate(at=Subquery(latest))
        synced: dict[int, datetime] = {}
        # The request log may have deleted the last update; the cycle stores it only later.
        for tenant, *times in connections.values_list("tenant", "last_update_at", "at"):
            if known := [at for at in (*times, synced.get(tenant)) if at]:
                synced[tenant] = max(known)
        recent = SyncError.objects.open().filter(
            tenant__in=tenants, happened_at__gte=timezone.now() - ERRORS_OF
        )
        errors = dict(recent.order_by().values_list("tenant").annotate(Count("pk")))
    return {key: TenantActivity(synced.get(key), errors.get(key, 0)) for key in tenants}
