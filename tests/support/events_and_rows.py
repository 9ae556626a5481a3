"""Whether the rows hold what the events of a request say."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Max

from people import tenancy
from people.models import Event, Person
from people.operations import person_fields


@contextmanager
def compared() -> Iterator[None]:
    """Compare the rows with all events that are recorded in the block.

    An event and its row are stored together, so one statement reads both, and tests that
    race see no difference either.
    """
    with _uncounted():
        last = Event.objects.aggregate(last=Max("pk"))["last"] or 0
    yield
    with _uncounted():
        people: dict[Person, dict[str, Any]] = {}
        events = Event.objects.filter(pk__gt=last, person__isnull=False, kind__startswith="person.")
        for event in events.select_related("person__department", "person__location").order_by("pk"):
            assert event.person
            result = people.setdefault(event.person, {})
            result |= {name: change["to"] for name, change in event.changes.items()}
    for person, result in people.items():
        row = person_fields.snapshot(person)
        stored = {name: row.get(name) for name in result}
        assert stored == result, (
            f"The events of a request say {result}, but the row holds {stored}."
        )


@contextmanager
def _uncounted() -> Iterator[None]:
    """Keep the statements of the block out of what a test counts."""
    is_counted, connection.force_debug_cursor = connection.force_debug_cursor, False
    try:
        with tenancy.across_tenants():
            yield
    finally:
        connection.force_debug_cursor = is_counted
