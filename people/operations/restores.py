"""Makes a database that was restored from a backup safe to start.

A backup contains mails that were sent after it, sessions and tokens that ended after it, and links
that were used after it. So after a restore, all sessions, links and tokens end, and jobs and mails
are held until an operator releases them.
"""

from collections.abc import Mapping
from datetime import datetime

from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from people import events, tenancy
from people.models import ApiToken, Delivery, Event, Installation, Mail, Tenant
from people.values import Actor, PeopleError

DROPPED = "Not sent: it waited in a backup from which Ramp was restored."


class OtherDatabase(PeopleError):
    code = "other-database"

    def __init__(self) -> None:
        super().__init__(
            "Not started: this is not the database that Ramp ran on last, but a copy of it. "
            "If it was restored from a backup, run `manage.py restored`. If it was moved while "
            "Ramp was stopped, so that nothing is missing, run `manage.py restored --moved`."
        )


class NotHeld(PeopleError):
    code = "not-held"

    def __init__(self) -> None:
        super().__init__("Jobs and mails are not held, so there is nothing to release.")


@transaction.atomic
def hold(*, keeps_tokens: bool, actor: Actor) -> datetime:
    """Hold jobs and mails, and end all sessions, links and API tokens; return since when.

    Each open tenant's audit log says so.
    """
    now = timezone.now()
    installation = _locked()
    installation.held_since = now
    installation.link_epoch += 1
    installation.database = database_identity()
    installation.save()
    Session.objects.all().delete()
    with tenancy.across_tenants():
        if not keeps_tokens:
            ApiToken.objects.filter(revoked_at=None).update(revoked_at=now)
    what = "restore" if keeps_tokens else "restore with tokens"
    for tenant_id in Tenant.objects.filter(closed_at=None).values_list("pk", flat=True):
        with tenancy.use(tenant_id):
            events.record(Event.Kind.ORGANIZATION_CHANGED, None, actor=actor, what=what)
    return now


@transaction.atomic
def release(*, drops_mails: bool) -> int:
    """Let jobs and mails go on; return how many mails of the backup were dropped.

    Mails that were enqueued since the hold began are sent in any case.

    :raises NotHeld: if nothing is held.
    """
    installation = _locked()
    if installation.held_since is None:
        raise NotHeld
    dropped = 0
    if drops_mails:
        with tenancy.across_tenants():
            mails = Mail.objects.waiting().filter(created_at__lt=installation.held_since)
            dropped = mails.update(given_up_at=timezone.now(), problem=DROPPED, held_by="")
    installation.held_since = None
    installation.save(update_fields=["held_since"])
    return dropped


def waiting_mails(before: datetime) -> Mapping[str, int]:
    """Return how many mails of each kind were enqueued earlier and wait."""
    with tenancy.across_tenants():
        mails = Mail.objects.waiting().filter(created_at__lt=before).order_by()
        counts = mails.values("kind").annotate(count=Count("pk")).order_by("kind")
        return {row["kind"]: row["count"] for row in counts}


def waiting_deliveries() -> int:
    """Return how many events wait for a subscriber."""
    with tenancy.across_tenants():
        return Delivery.objects.count() + Event.objects.pending().count()


@transaction.atomic
def check_database() -> None:
    """Remember the database of the first start, and refuse another one.

    :raises OtherDatabase: if it is a copy of the database that Ramp ran on last.
    """
    installation, identity = _locked(), database_identity()
    if installation.database not in ("", identity):
        raise OtherDatabase
    if installation.database != identity:
        installation.database = identity
        installation.save()


@transaction.atomic
def accept_database() -> None:
    """Take this database for the one that Ramp ran on last."""
    installation = _locked()
    installation.database = database_identity()
    installation.save()


def database_identity() -> str:
    """Return a text that is different for a copy of the database; blank if there is none.

    A dump that is restored into another database, or another server, has another identity. A
    server that was restored as a whole from its files has the same.
    """
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_function_privilege('pg_control_system()', 'execute')")
        if not cursor.fetchone()[0]:
            return ""
        cursor.execute(
            "SELECT format('%s/%s', system_identifier, oid) FROM pg_control_system(), pg_database"
            " WHERE datname = current_database()"
        )
        return str(cursor.fetchone()[0])


def _locked() -> Installation:
    Installation.objects.get_or_create(pk=Installation.ONLY)
    installation: Installation = Installation.objects.select_for_update().get(pk=Installation.ONLY)
    return installation
