"""Retention of the delivery log."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q

from people import tenancy
from people.models import WebhookDelivery

# Rows deleted in one transaction, which keeps transactions short.
BATCH: Final = 2000
# What is not delivered yet is kept for longer than it is retried. It becomes older only if its
# endpoint is paused.
WAITING_DAYS: Final = 7


def delete_old_deliveries(*, as_of: datetime) -> int:
    """Delete deliveries older than REQUEST_LOG_DAYS; return how many."""
    days = settings.REQUEST_LOG_DAYS
    finished = Q(created_at__lt=as_of - timedelta(days=days))
    finished &= ~Q(state=WebhookDelivery.State.WAITING)
    any_state = Q(created_at__lt=as_of - timedelta(days=max(days, WAITING_DAYS)))
    deleted = 0
    with tenancy.across_tenants():
        old = WebhookDelivery.objects.filter(finished | any_state).order_by("created_at")
        while batch := list(old.values_list("pk", flat=True)[:BATCH]):
            WebhookDelivery.objects.filter(pk__in=batch).delete()
            deleted += len(batch)
    return deleted
