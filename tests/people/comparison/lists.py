"""Lists of people as CSV files, and the output of the command for them."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import call_command

from people.models import Person, Tenant

NEW = ["new@example.com", "New", "Person", "Sales", "Rome", ""]
HEADER = ("Work email", "First name", "Surname", "Department", "Office", "Manager email")


def as_csv(rows: Iterable[Sequence[str]], *, separator: str = ",") -> str:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator).writerows(rows)
    return written.getvalue()


def row_of(person: Person, **changed: str) -> list[str]:
    """Return a row with the person's current values, except for the changes."""
    values = {
        "email": person.email,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "department": person.department.name if person.department else "",
        "location": person.location.name if person.location else "",
        "manager": person.manager.email if person.manager else "",
    }
    return list((values | changed).values())


def compare(tenant: Tenant, content: str | bytes, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run `compare_people`; return its exit code and its output."""
    printed = StringIO()
    with TemporaryDirectory() as folder:
        file = Path(folder, "list.csv")
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            call_command("compare_people", tenant.slug, str(file), *arguments, stdout=printed)
        except SystemExit as ended:
            return int(str(ended.code)), json.loads(printed.getvalue())
    return 0, json.loads(printed.getvalue())


def rows(*listed: list[str]) -> str:
    return as_csv([HEADER, *listed])


def as_stored() -> list[dict[str, Any]]:
    besides = ("session_epoch", "changed_at", "manually_overridden_at")
    return [
        {key: row[key] for key in row if key not in besides}
        for row in Person.objects.order_by("pk").values()
    ]
