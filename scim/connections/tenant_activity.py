"""What operators see of the connections of each tenant: the last sync and the errors."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from django.db.models import Count, Max
from django.utils import timezone

from people import tenancy
from people.provider_facts import TenantActivity
from scim.models import Connection, SyncError

ERRORS_OF: Final = timedelta(days=1)


def of_tenants(tenants: Collection[int]) -> Mapping[int, TenantActivity]:
    """Return the activity by tenant, with two queries for all of them."""
    with tenancy.across_tenants():
        connections = Connection.objects.filter(tenant__in=tenants).order_by()
        synced = dict(connections.values_list("tenant").annotate(Max("last_update_at")))
        recent = SyncError.objects.open().filter(
            tenant__in=tenants, happened_at__gte=timezone.now() - ERRORS_OF
        )
        errors = dict(recent.order_by().values_list("tenant").annotate(Count("pk")))
    return {key: TenantActivity(synced.get(key), errors.get(key, 0)) for key in tenants}
