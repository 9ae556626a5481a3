"""Count the attributes that a provider sends and Ramp ignores, in the newest logged requests.

The bodies are read again when the page is shown, so that requests need not update a counter.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from scim.api.explain import explain
from scim.models import Connection
from scim.rfc.notes import IGNORED

# An ignored attribute is usually sent with every user, so the newest requests suffice.
MAX_REQUESTS = 300
# A few large bodies take as long to read as hundreds of typical ones.
MAX_CHARACTERS = 1024 * 1024
MAX_SHOWN = 20


@dataclass
class IgnoredAttribute:
    """An attribute with the reason, the number of requests, and the newest of them."""

    text: str
    newest_id: UUID
    newest_at: datetime
    first_at: datetime
    requests: int = 0


@dataclass
class IgnoredCounts:
    """The ignored attributes, the most frequent first, and the period that was counted."""

    rows: list[IgnoredAttribute] = field(default_factory=list)
    # The number of attributes that are not in `rows`; the number of requests that were read, and
    # the time of the oldest of them.
    more: int = 0
    requests: int = 0
    since: datetime | None = None


def count_ignored(connection: Connection) -> IgnoredCounts:
    """Count the attributes that were ignored in the connection's newest requests."""
    # Without the requests that an administrator retried, which would be counted twice.
    logged = connection.requests.filter(retried_by="").exclude(body="").order_by("-received_at")
    columns = ("pk", "method", "path", "body", "received_at")
    newest = logged.values_list(*columns, named=True)[:MAX_REQUESTS]
    found: dict[str, IgnoredAttribute] = {}
    counts, characters = IgnoredCounts(), 0
    for request in newest.iterator(chunk_size=50):
        characters += len(request.body)
        if characters > MAX_CHARACTERS:
            break
        counts.requests, counts.since = counts.requests + 1, request.received_at
        for note in explain(request.method, request.path, request.body):
            if note.is_ignored:
                text = note.text.removeprefix(IGNORED)
                at = request.received_at
                row = found.setdefault(text, IgnoredAttribute(text, request.pk, at, at))
                row.requests, row.first_at = row.requests + 1, at
    rows = sorted(found.values(), key=lambda row: (-row.requests, row.text))
    counts.rows, counts.more = rows[:MAX_SHOWN], len(rows[MAX_SHOWN:])
    return counts
