"""People as CSV, safe to open in a spreadsheet and safe to read back.

docs/export.md says how to read the file back without loss.
"""

import csv
from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from people.models import Person
from people.presentation.spreadsheets import BYTE_ORDER_MARK, escape_formula

COLUMNS = (
    "First name",
    "Last name",
    "Email address",
    "Role",
    "State",
    "Department",
    "Location",
    "Manager",
    "Manager's email address",
)


def people_as_csv(people: QuerySet[Person]) -> StreamingHttpResponse:
    name = f"people-{timezone.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        _lines(people),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class _Echo:
    """A file that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _lines(people: QuerySet[Person]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow(COLUMNS)
    for person in people.iterator(chunk_size=1000):
        yield writer.writerow(map(escape_formula, _cells(person)))


def _cells(person: Person) -> tuple[str, ...]:
    return (
        person.given_name,
        person.family_name,
        person.email,
        person.get_role_display(),
        person.get_state_display(),
        person.department.name if person.department else "",
        person.location.name if person.location else "",
        person.manager.full_name if person.manager else "",
        person.manager.email if person.manager else "",
    )
