"""Rows to be stored, and the one statement that stores all of them.

What is stored is what the ORM would store, which tests/people/test_writes.py shows; on other
databases the ORM does it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from django.db import DataError, connection
from django.db.models import Model
from psycopg.errors import DivisionByZero

from people.db import prepared_statements, row_json


class Write(NamedTuple):
    """A row to be stored: these attributes of it, or all of it when it is new."""

    row: Model
    names: tuple[str, ...] | None = None


Key = tuple[type[Model], Any]


def key_of(row: Model) -> Key:
    """Return what is equal for all instances of one row, and for nothing else."""
    key = ("new", id(row)) if row.pk is None else row.pk
    return type(row), key


class WriteAll(NamedTuple):
    """New rows of one model, whose keys nobody needs to know."""

    rows: Sequence[Model]


class Delete(NamedTuple):
    """The rows that have this value in the named foreign key; nothing hangs on them."""

    model: type[Model]
    name: str
    value: Any


Change = Write | WriteAll | Delete


class Part(NamedTuple):
    """A part of the one statement; where it is a condition, it has to find a row."""

    statement: str
    parameters: Sequence[Any]


class Guard(NamedTuple):
    """What has to be as it was read for anything to be stored.

    `seen` tells rows by their key, and PostgreSQL's xmin of the version that was read.
    """

    seen: Mapping[Key, str]
    conditions: Sequence[Part]


NO_GUARD: Final = Guard({}, ())


class Outdated(Exception):
    """Somebody has changed a row since it was seen; nothing was stored."""


def store(changes: Sequence[Change], guard: Guard = NO_GUARD) -> None:
    """Store them in one statement; what is always set anew, such as dates, is.

    :raises Outdated: if something that the guard knows is not as it was.
    """
    if prepared_statements.available():
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
    new, changed, many = _told_apart(changes)
    # What is checked comes first, and in the order in which it was seen: that is the order in
    # which everybody locks, or two would wait for each other.
    seen = ((changed.pop(row), version) for row, version in guard.seen.items() if row in changed)
    checked = [*guard.conditions, *(_update(write, version) for write, version in seen)]
    parts = [*checked, *map(_of_many, many), *map(_update, changed.values())]
    parts += map(_insert, new.values())
    statement = _statement(*[text for text, _ in parts], checks=len(checked))
    try:
        key = prepared_statements.one(statement, [value for _, values in parts for value in values])
    except DataError as error:
        if isinstance(error.__cause__, DivisionByZero):
            raise Outdated from error
        raise
    for row in chain.from_iterable(new.values()):
        row._state.adding, row._state.db = False, connection.alias
        if row.pk is None and key and not checked:
            [row.pk] = key


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


def _told_apart(
    changes: Sequence[Change],
) -> tuple[dict[type[Model], list[Model]], dict[Key, Write], list[WriteAll | Delete]]:
    """Part new rows, by their model, and changed ones, by their key, from what is of many.

    Only in one INSERT do new rows of one model keep their order.
    """
    new: dict[type[Model], list[Model]] = {}
    changed: dict[Key, Write] = {}
    many: list[WriteAll | Delete] = []
    for change in changes:
        if not isinstance(change, Write):
            many.append(change)
        elif change.names is None:
            new.setdefault(type(change.row), []).append(change.row)
        else:
            changed[key_of(change.row)] = change
    return new, changed, many


def _insert(rows: Sequence[Model]) -> Part:
    shape = row_json.whole(type(rows[0]), with_key=rows[0].pk is not None)
    return Part(shape.insert, [shape.text(*rows, are_new=True)])


def _update(write: Write, version: str | None = None) -> Part:
    """Store what has changed of a row; with a version, unless somebody has stored another."""
    assert write.names is not None
    shape = row_json.some(type(write.row), write.names)
    values = [shape.text(write.row, are_new=False), write.row.pk]
    if version is None:
        return Part(shape.update, values)
    return Part(shape.update_as_seen, [*values, version])


def _of_many(change: WriteAll | Delete) -> Part:
    match change:
        case Delete(model, name, value):
            return Part(row_json.delete(model, name), [value])
        case WriteAll(rows):
            shape = row_json.whole(type(rows[0]), with_key=False)
            return Part(shape.insert, [shape.text(*rows, are_new=True)])
