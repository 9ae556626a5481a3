"""People as CSV, safe to open in a spreadsheet and safe to read back.

docs/export.md says how to read the file back without loss.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from people import hooks, tenancy
from people.models import Person
from people.models.field_table import LABELS, PEOPLE, PUBLISHED
from people.presentation.field_text import shown
from people.presentation.people_columns import COLUMNS, CONTACT
from people.presentation.spreadsheets import csv_lines
from people.provider_facts import ContactDetails

BATCH = 1000
OTHER_LABELS = {
    "title": "job title",
    "phone": "phone",
    "entity": "entity",
    "joined_at": "joined",
    "created_at": "added",
    "deactivated_at": "deactivated",
}


def fields_of(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the fields that these columns of the list contain."""
    return tuple(field for name in columns for field in COLUMNS[name].fields)


def people_as_csv(
    people: QuerySet[Person], fields: Sequence[str] = PUBLISHED
) -> StreamingHttpResponse:
    """Return the file as a response that is streamed."""
    name = f"people-{timezone.now():%Y-%m-%d}.csv"
    labels = LABELS | OTHER_LABELS
    headings = []
    for field in fields:
        label = labels[field].capitalize()
        headings.append(label)
        # Two people may have the same name; the address tells them apart.
        if field in PEOPLE:
            headings.append(f"{label}'s email address")
    return StreamingHttpResponse(
        csv_lines(headings, _rows(people, fields, tenancy.current_id())),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def add_contact_details(people: Iterable[Any]) -> None:
    """Set `contact` of each person, with one query."""
    found = list(people)
    details = hooks.contact_details([person.pk for person in found])
    for person in found:
        person.contact = details.get(person.pk, ContactDetails())


def _rows(
    people: QuerySet[Person], fields: Sequence[str], tenant_id: int
) -> Iterator[Iterable[str]]:
    # In pieces, and streamed: an export of any size needs little memory.
    rows = people.iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        if not {*CONTACT}.isdisjoint(fields):
            # The lines are written after the request, when its tenant is no longer in force.
            with tenancy.use(tenant_id):
                add_contact_details(batch)
        for person in batch:
            yield _cells(person, fields)


def _cells(person: Any, fields: Sequence[str]) -> Iterator[str]:
    for name in fields:
        if name in PEOPLE:
            other = getattr(person, name)
            yield other.full_name if other else ""
            yield other.email if other else ""
        elif name == "entity":
            yield person.location.entity.name if person.location else ""
        elif name in CONTACT:
            yield getattr(person.contact, name)
        elif name in OTHER_LABELS:
            moment = getattr(person, name)
            yield moment.isoformat() if moment else ""
        else:
            yield shown(person, name)
