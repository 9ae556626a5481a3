"""The audit log as CSV and as JSON Lines (https://jsonlines.org)."""

from collections.abc import Iterable, Iterator
from typing import Final

import orjson

from people.presentation.audit_log import AuditEntry, record_of
from people.presentation.spreadsheets import csv_lines

COLUMNS: Final = (
    *("id", "at", "action", "actor", "actor_name", "actor_person", "person", "person_name"),
    *("interface", "ip", "request_id", "summary", "note", "changes"),
)


def as_csv(rows: Iterable[AuditEntry]) -> Iterator[str]:
    """Yield the lines of a CSV file, whose cells a spreadsheet does not run as formulas."""
    return csv_lines(COLUMNS, map(_cells, rows))


def as_json_lines(rows: Iterable[AuditEntry]) -> Iterator[bytes]:
    """Yield an object for each row, in the format of the API."""
    for row in rows:
        yield orjson.dumps(record_of(row), option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _cells(row: AuditEntry) -> Iterator[str]:
    record = record_of(row)
    for column in COLUMNS:
        match record[column]:
            case None:
                yield ""
            case list() as changes:
                yield "; ".join(
                    f"{one['field']}: {one['before'] or '—'} → {one['after'] or '—'}"
                    for one in changes
                )
            case _ if column == "at":
                yield record["at"].isoformat()
            case value:
                yield str(value)
