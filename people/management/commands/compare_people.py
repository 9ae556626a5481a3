import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from people import tenancy
from people.models import Comparison, ComparisonRow, Tenant
from people.operations.comparison import job, requests
from people.operations.comparison.columns import LISTED
from people.operations.comparison.file_format import ENCODINGS, decode, read_table
from people.values import Actor, PeopleError

Kind = ComparisonRow.Kind
ERROR = 2
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


class Command(BaseCommand):
    help = (
        "Compare a CSV file with the people of a tenant, and change nothing. Prints JSON: new, "
        "different, gone, unreadable, unchanged. The exit code is 0 if nothing differs, 1 if "
        "something does, and 2 if the file cannot be compared. docs/compare.md describes the file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the slug of the tenant")
        parser.add_argument("file", type=Path, help="a CSV file with a header row")
        parser.add_argument(
            "--key",
            choices=Comparison.Key.values,
            help="which column identifies people (default: email if there is one)",
        )
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="HEADER=FIELD",
            help="what a column contains, if its header is not recognized. FIELD is one of "
            f"{', '.join(LISTED)}, or custom.NAME; blank ignores the column. May be repeated.",
        )
        parser.add_argument("--encoding", choices=list(ENCODINGS), help="default: recognized")
        parser.add_argument("--separator", choices=list(SEPARATORS), help="default: recognized")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']}.", returncode=ERROR)
        try:
            content = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(str(error), returncode=ERROR) from error
        try:
            with tenancy.use(tenant), transaction.atomic():
                comparison = _compared(content, options)
                found: dict[str, Any] = {kind.value: [] for kind in Kind}
                for row in comparison.rows.order_by("number", "name", "pk"):
                    found[row.kind].append(_row(row))
                found["unchanged"] = comparison.unchanged_count
                # The rows are only printed.
                transaction.set_rollback(True)
        except PeopleError as error:
            raise CommandError(str(error), returncode=ERROR) from error
        self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
        if any(found[kind.value] for kind in Kind):
            raise SystemExit(1)


def _compared(content: bytes, options: dict[str, Any]) -> Comparison:
    """Compare the file with the people of the tenant in force.

    :raises CommandError: if the file has no header of those that `--column` names.
    """
    actor = Actor("command", "compare_people")
    comparison = requests.upload(content, options["file"].name, actor=actor)
    if options["encoding"] or options["separator"]:
        requests.read_again(
            comparison,
            encoding=options["encoding"] or comparison.encoding,
            separator=SEPARATORS.get(options["separator"], comparison.separator),
        )
        comparison.refresh_from_db()
    text = decode(bytes(comparison.content), comparison.encoding)
    header = read_table(text, comparison.separator).header
    columns = dict(comparison.columns)
    for one in options["column"]:
        title, _, field = one.rpartition("=")
        if title not in header:
            raise CommandError(f"The file has no column “{title}”.", returncode=ERROR)
        columns[str(header.index(title))] = field
    named = {index: field for index, field in columns.items() if field}
    requests.start_comparison(comparison, named, options["key"] or comparison.key)
    job.run(comparison)
    comparison.refresh_from_db()
    return comparison


def _row(row: ComparisonRow) -> dict[str, Any]:
    facts: dict[str, Any] = {"row": row.number, "name": row.name, "email": row.email}
    if row.kind == Kind.UNREADABLE:
        return facts | {"reason": row.reason, "explanation": row.explanation}
    if row.kind == Kind.DIFFERENT:
        return facts | {
            "differences": [
                {
                    "field": one["field"],
                    "here": one["here_text"],
                    "file": one["listed_text"],
                    "not_applied_because": one["kept_because"],
                }
                for one in row.differences
            ]
        }
    return facts | {"note": row.explanation}
