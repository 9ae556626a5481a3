"""The order of new people whose managers are new as well."""

from people.models import Comparison, ComparisonRow

Kind = ComparisonRow.Kind


def settle_new_managers(comparison: Comparison) -> None:
    """Store how many new managers are above each new person.

    A row whose new manager turned out to be unreadable, or that is part of a circle of managers, is
    unreadable as well.
    """
    rows = ComparisonRow.objects.filter(comparison=comparison)
    new = {row.key: row for row in rows.filter(kind=Kind.NEW)}
    waiting = list(rows.exclude(manager_key="").filter(kind__in=(Kind.NEW, Kind.DIFFERENT)))
    for row in waiting:
        depth, seen = 0, {row.key}
        key = row.manager_key
        while key:
            depth += 1
            if key in seen:
                _refuse(row, "circular-manager", "The managers of the list form a circle.")
                break
            seen.add(key)
            if key not in new:
                _refuse(row, "unknown-manager", "The row of the manager cannot be used.")
                break
            key = new[key].manager_key
        else:
            row.depth = depth
    ComparisonRow.objects.bulk_update(
        waiting,
        ["kind", "depth", "reason", "explanation", "is_selected", "values", "person"],
        batch_size=500,
    )


def _refuse(row: ComparisonRow, reason: str, explanation: str) -> None:
    row.kind, row.reason, row.explanation = Kind.UNREADABLE, reason, explanation
    row.is_selected = False
