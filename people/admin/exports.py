"""People as CSV, safe to open in a spreadsheet and safe to read back.

A spreadsheet runs a cell that begins with = + - @ or a control character, so such a cell
gets an apostrophe in front. docs/export.md says how to read the file back without loss.
"""

import csv
import re
from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from people.models import Person

COLUMNS = (
    "First name",
    "Last name",
    "E-mail address",
    "Role",
    "State",
    "Department",
    "Location",
    "Manager",
    "Manager's e-mail address",
)
DANGEROUS = re.compile(r"\s*'*\s*[=+\-@\t\r\n\0＝＋－＠]")
# Tells spreadsheets that the file is UTF-8.
BYTE_ORDER_MARK = "\ufeff"


def harmless(text: str) -> str:
    """Return the text with an apostrophe in front if a spreadsheet would run it."""
    return f"'{text}" if DANGEROUS.match(text) else text


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
        yield writer.writerow(map(harmless, _cells(person)))


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
