"""People as CSV, safe to open in a spreadsheet and safe to read back.

docs/export.md says how to read the file back without loss.
"""

from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from people.models import Person
from people.models.field_table import LABELS, PEOPLE, PUBLISHED
from people.presentation.field_text import shown
from people.presentation.spreadsheets import csv_lines


def _headings(name: str) -> tuple[str, ...]:
    label = LABELS[name].capitalize()
    # Two people may have the same name; the address tells them apart.
    return (label, f"{label}'s email address") if name in PEOPLE else (label,)


COLUMNS = [heading for name in PUBLISHED for heading in _headings(name)]


def people_as_csv(people: QuerySet[Person]) -> StreamingHttpResponse:
    """Return the file as a response that is streamed."""
    name = f"people-{timezone.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        # In pieces: an export of any size needs little memory.
        csv_lines(COLUMNS, map(_cells, people.iterator(chunk_size=1000))),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _cells(person: Person) -> Iterator[str]:
    for name in PUBLISHED:
        if name in PEOPLE:
            other = getattr(person, name)
            yield other.full_name if other else ""
            yield other.email if other else ""
        else:
            yield shown(person, name)
