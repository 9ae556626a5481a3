"""Tells up to which time all changes are visible, although transactions may still run.

A row gets its time when it is made, and becomes visible when its transaction commits, which may be
after later rows. Programs that follow the changes by their time would miss such a row.
"""

from datetime import datetime

from django.db import connection
from django.utils import timezone

# Transactions without an id have written and locked nothing. Backups, for example, have none.
OLDEST_WRITE = """
    SELECT min(xact_start) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
        AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
"""


def complete_until() -> datetime:
    """Return the time before which no running transaction can have made a row.

    Call it before you read the rows, in a transaction that has not called it yet, because
    PostgreSQL repeats the answer within a transaction. The start is a time of the database server,
    whose clock may differ from ours, so callers subtract some time. On SQLite, the only writer
    makes its rows after it has got the lock, so rows become visible in the order of their times.
    """
    now = timezone.now()
    if connection.vendor != "postgresql":
        return now
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_WRITE)
        [began] = cursor.fetchone()
    return min(began, now) if began else now
