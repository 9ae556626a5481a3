"""People as CSV, safe to open in a spreadsheet and safe to read back.

docs/export.md says how to read the file back without loss.
"""

import csv
from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from people.models import Person
from people.models.field_table import LABELS, PEOPLE, PUBLISHED
from people.presentation.field_text import shown
from people.presentation.spreadsheets import BYTE_ORDER_MARK, escape_formula


def _headings(name: str) -> tuple[str, ...]:
    label = LABELS[name].capitalize()
    # Two people may have the same name; the address tells them apart.
    return (label, f"{label}'s email address") if name in PEOPLE else (label,)


COLUMNS = [heading for name in PUBLISHED for heading in _headings(name)]


def people_as_csv(people: QuerySet[Person]) -> StreamingHttpResponse:
    name = f"people-{timezone.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        _lines(people),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class _Echo:
    """A file whose `write` returns the line instead of storing it, to stream CSV."""

    def write(self, line: str) -> str:
        return line


def _lines(people: QuerySet[Person]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow(COLUMNS)
    # In pieces, and streamed: an export of any size needs little memory.
    for person in people.iterator(chunk_size=1000):
        yield writer.writerow(map(escape_formula, _cells(person)))


def _cells(person: Person) -> Iterator[str]:
    for name in PUBLISHED:
        if name in PEOPLE:
            other = getattr(person, name)
            yield other.full_name if other else ""
            yield other.email if other else ""
        else:
            yield shown(person, name)
