"""Mails administrators what needs attention in their company, every Monday or every day.

Each administrator's settings store when the next digest is due. The transaction that enqueues a
digest also stores the next time, so several jobs never send it twice. A digest that was due while
no job ran is sent once, later.
"""

from datetime import UTC, datetime
from time import monotonic
from typing import Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from people import tenancy
from people.models import AccountSettings, Mail, Person, Tenant
from people.models.time_zones import browser_zones
from people.operations.account_settings import next_digest_at
from people.operations.mail_outbox import enqueue_mail
from people.presentation.attention import Attention, attention

Digest = AccountSettings.Digest
BATCH: Final = 500


def send_due(*, as_of: datetime) -> int:
    """Enqueue all digests that are due; return their number."""
    return send_batch(as_of=as_of, seconds=float("inf"))[0]


def send_batch(*, as_of: datetime, seconds: float) -> tuple[int, bool]:
    """Enqueue digests, one company after another; return their number, and whether all are done.

    It begins with no further company after `seconds`.
    """
    ends_at = monotonic() + seconds
    sent = 0
    with tenancy.across_tenants():
        while _schedule_new_administrators(as_of):
            if monotonic() >= ends_at:
                return sent, False
        due = AccountSettings.objects.filter(digest_due_at__lte=as_of).order_by("tenant_id")
        tenant_ids = list(due.values_list("tenant_id", flat=True).distinct())
    for tenant_id in tenant_ids:
        if monotonic() >= ends_at:
            return sent, False
        with tenancy.use(tenant_id):
            sent += _send_to_administrators(tenant_id, as_of)
    return sent, True


def _schedule_new_administrators(as_of: datetime) -> int:
    """Set when the first digest of new administrators is due; return how many these are.

    That is a coming morning, so nobody gets one in the middle of a week of which they saw nothing.
    """
    new = Person.objects.active_administrators().filter(
        account_settings__digest_due_at=None, tenant__is_active=True, tenant__is_sandbox=False
    )
    chosen = new.exclude(account_settings__digest=Digest.NEVER).select_related("account_settings")
    rows = [
        getattr(person, "account_settings", None)
        or AccountSettings(person=person, tenant_id=person.tenant_id)
        for person in chosen.order_by("pk")[:BATCH]
    ]
    _schedule_next(rows, as_of)
    AccountSettings.objects.bulk_create(
        rows,
        # Another job, or the account page, may have created the row meanwhile.
        update_conflicts=True,
        unique_fields=["person"],
        update_fields=["digest_due_at"],
    )
    return len(rows)


@transaction.atomic
def _send_to_administrators(tenant_id: int, as_of: datetime) -> int:
    """Enqueue the digests of one company; return how many of them there are."""
    due = AccountSettings.objects.filter(digest_due_at__lte=as_of).order_by("pk")
    # Rows locked by another job are being sent already.
    rows = list(due.select_related("person").select_for_update(of=("self",), skip_locked=True))
    tenant = Tenant.objects.get(pk=tenant_id)
    found = attention(tenant, with_times=False) if rows and tenant.is_active else Attention([])
    _schedule_next(rows, as_of)
    AccountSettings.objects.bulk_update(rows, ["digest_due_at"])
    # There is no next one for people who are no longer administrators.
    getting = [row for row in rows if row.digest_due_at and found.items]
    # No page shows earlier ones, and the overview has the current list.
    earlier = Mail.objects.filter(kind=Mail.Kind.DIGEST, sent_at__isnull=False)
    earlier.filter(person__in=[row.person_id for row in getting]).delete()
    for row in getting:
        _enqueue(row, found)
    return len(getting)


def _schedule_next(rows: list[AccountSettings], as_of: datetime) -> None:
    zones = browser_zones([row.person_id for row in rows])
    for row in rows:
        zone = zones.get(row.person_id, UTC)
        row.digest_due_at = next_digest_at(row, after=as_of, browser_zone=zone)


def _enqueue(row: AccountSettings, found: Attention) -> None:
    public = settings.PUBLIC_BASE_URL
    enqueue_mail(
        Mail.Kind.DIGEST,
        row.person,
        to=row.person.email,
        total=found.label,
        lines=[
            {"text": item.text, "action": item.action, "link": f"{public}{item.url}"}
            for item in found.items
        ],
        often="every day" if row.digest == Digest.DAILY else "every Monday",
        preferences=f"{public}{reverse('admin:account_preferences')}",
        path=reverse("admin:overview"),
    )
