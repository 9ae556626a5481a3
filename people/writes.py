"""Rows to be stored, and the one statement that stores all of them.

What is stored is what the ORM would store, which tests/people/test_writes.py shows; on other
databases the ORM does it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.db import DataError, connection
from django.db.models import Model
from psycopg.errors import DivisionByZero

from people import fixed_sql, row_sql


class Write(NamedTuple):
    """A row to be stored: these attributes of it, or all of it when it is new."""

    row: Model
    names: tuple[str, ...] | None = None


class WriteAll(NamedTuple):
    """New rows of one model, whose keys nobody needs to know."""

    rows: Sequence[Model]


class Delete(NamedTuple):
    """The rows that have this value in the named foreign key; nothing hangs on them."""

    model: type[Model]
    name: str
    value: Any


Change = Write | WriteAll | Delete


class Condition(NamedTuple):
    """A query that has to find a row."""

    statement: str
    parameters: Sequence[Any]


class Guard(NamedTuple):
    """What has to be as it was read for anything to be stored.

    `seen` tells rows by their id(), and PostgreSQL's xmin of the version that was read.
    """

    seen: Mapping[int, str]
    conditions: Sequence[Condition]


NO_GUARD: Final = Guard({}, ())


class Outdated(Exception):
    """Somebody has changed a row since it was seen; nothing was stored."""


def store(changes: Sequence[Change], guard: Guard = NO_GUARD) -> None:
    """Store them in one statement; what is always set anew, such as dates, is.

    :raises Outdated: if something that the guard knows is not as it was.
    """
    if fixed_sql.available():
        _store(changes, guard)
        return
    for change in changes:
        match change:
            case Write(row, names):
                row.save(force_insert=names is None, update_fields=names)
            case WriteAll(rows):
                type(rows[0])._base_manager.bulk_create(rows)
            case Delete(model, name, value):
                model._base_manager.filter(**{name: value}).delete()


def _store(changes: Sequence[Change], guard: Guard) -> None:
    # What is checked comes first, and in the order in which it was seen: that is the order in
    # which everybody locks, or two would wait for each other.
    turns = {row: turn for turn, row in enumerate(guard.seen)}
    groups = sorted(
        _grouped(changes),
        key=lambda group: turns[_row(group)] if _is_guarded(group, guard) else len(turns),
    )
    prepared = [*guard.conditions, *(_prepared(group, guard) for group in groups)]
    guarded = sum(_is_guarded(group, guard) for group in groups)
    checks = len(guard.conditions) + guarded
    values = [value for _, values in prepared for value in values]
    try:
        key = fixed_sql.one(_statement(*(text for text, _ in prepared), checks=checks), values)
    except DataError as error:
        if isinstance(error.__cause__, DivisionByZero):
            raise Outdated from error
        raise
    new = [change.row for change in changes if isinstance(change, Write) and change.names is None]
    for row in new:
        row._state.adding, row._state.db = False, connection.alias
    if key and new and new[-1].pk is None and not checks:
        [new[-1].pk] = key


@lru_cache(maxsize=1024)
def _statement(*parts: str, checks: int) -> str:
    """Make one statement of several, that fails unless each of the first finds a row."""
    texts = list(parts)
    if checks:
        # What is not as it was is not found; then this fails, and everything with it.
        found = " * ".join(f"(SELECT count(*) FROM w{number})" for number in range(checks))  # noqa: S608
        texts.append(f"SELECT 1 / ({found})")
    *first, last = texts
    common = ", ".join(f"w{number} AS ({text})" for number, text in enumerate(first))
    return f"WITH {common} {last}" if first else last


def _grouped(changes: Sequence[Change]) -> list[WriteAll | Delete | list[Write]]:
    """Put new rows of one model together: only in one INSERT do they keep their order."""
    groups: dict[object, list[Write]] = {}
    many: list[WriteAll | Delete | list[Write]] = []
    for change in changes:
        if isinstance(change, Write):
            which = id(change.row) if change.names else type(change.row)
            groups.setdefault(which, []).append(change)
        else:
            many.append(change)
    return [*many, *groups.values()]


def _is_guarded(group: WriteAll | Delete | list[Write], guard: Guard) -> bool:
    return isinstance(group, list) and group[0].names is not None and _row(group) in guard.seen


def _row(group: WriteAll | Delete | list[Write]) -> int:
    assert isinstance(group, list)
    return id(group[0].row)


def _prepared(group: WriteAll | Delete | list[Write], guard: Guard) -> tuple[str, list[Any]]:
    """Return the statement and its values."""
    if isinstance(group, Delete):
        return row_sql.delete(group.model, group.name), [group.value]
    if isinstance(group, WriteAll):
        shape = row_sql.whole(type(group.rows[0]), with_key=False)
        return shape.insert, [shape.text(*group.rows, are_new=True)]
    row, names = group[0]
    if names is None:
        shape = row_sql.whole(type(row), with_key=row.pk is not None)
        return shape.insert, [shape.text(*(one.row for one in group), are_new=True)]
    shape = row_sql.some(type(row), names)
    values = [shape.text(row, are_new=False), row.pk]
    if _is_guarded(group, guard):
        return shape.update_as_seen, [*values, guard.seen[_row(group)]]
    return shape.update, values
