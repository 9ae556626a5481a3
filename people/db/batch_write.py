"""Stores rows of several models in one SQL statement.

The result is the same as with the ORM; tests/people/db/test_writes.py compares both. PostgreSQL
only.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Model

from people.db import prepared_statements, row_json


class PendingWrite(NamedTuple):
    """A row to store. `names` are the changed fields; None means that the row is new."""

    row: Model
    names: tuple[str, ...] | None = None


Key = tuple[type[Model], Any]


def key_of(row: Model) -> Key:
    """Return a key that is equal for two instances exactly if they are the same row.

    :raises ValueError: if the row was stored by `store`, which did not learn its primary key.
    """
    if row.pk is None and not row._state.adding:
        raise ValueError(f"This {type(row).__name__} was stored; read it again to change it.")
    key = ("new", id(row)) if row.pk is None else row.pk
    return type(row), key


class BulkInsert(NamedTuple):
    """New rows of one model, whose primary keys the caller does not need."""

    rows: Sequence[Model]


class Delete(NamedTuple):
    """Rows to delete: those with `value` in the foreign key `name`. Nothing may refer to them."""

    model: type[Model]
    name: str
    value: Any


Change = PendingWrite | BulkInsert | Delete


class SqlFragment(NamedTuple):
    """A part of the statement, with its parameters."""

    statement: str
    parameters: Sequence[Any]


def store(changes: Sequence[Change]) -> None:
    """Store the changes in one statement. `auto_now` fields are set, as the ORM does.

    New rows whose primary key the database assigns learn it only if they are of the model that is
    inserted last; for all others it stays None.
    """
    new, changed, bulk = _split(changes)
    # The inserts come last, because only the last part returns its keys.
    parts = [*map(_bulk, bulk), *map(_update, changed.values()), *map(_insert, new.values())]
    statement = _statement(*[text for text, _ in parts])
    keys = prepared_statements.all_rows(
        statement, [value for _, values in parts for value in values]
    )
    for row in chain.from_iterable(new.values()):
        row._state.adding, row._state.db = False, connection.alias
    if new:
        *_, last = new.values()
        for row, (key,) in zip(last, keys, strict=True):
            row.pk = key


@lru_cache(maxsize=1024)
def _statement(*parts: str) -> str:
    """Combine the statements into one: all but the last become common table expressions."""
    *first, last = parts
    common = ", ".join(f"w{number} AS ({text})" for number, text in enumerate(first))
    return f"WITH {common} {last}" if first else last


def _split(
    changes: Sequence[Change],
) -> tuple[dict[type[Model], list[Model]], dict[Key, PendingWrite], list[BulkInsert | Delete]]:
    """Split the changes into new rows by model, changed rows by key, and bulk operations.

    New rows of one model share one INSERT, because only that keeps their order.
    """
    new: dict[type[Model], list[Model]] = {}
    changed: dict[Key, PendingWrite] = {}
    bulk: list[BulkInsert | Delete] = []
    for change in changes:
        if not isinstance(change, PendingWrite):
            bulk.append(change)
        elif change.names is None:
            new.setdefault(type(change.row), []).append(change.row)
        else:
            changed[key_of(change.row)] = change
    return new, changed, bulk


def _insert(rows: Sequence[Model]) -> SqlFragment:
    shape = row_json.full_codec(type(rows[0]), with_key=rows[0].pk is not None)
    return SqlFragment(shape.insert, [shape.text(*rows, are_new=True)])


def _update(write: PendingWrite) -> SqlFragment:
    assert write.names is not None
    shape = row_json.codec_for(type(write.row), write.names)
    return SqlFragment(shape.update, [shape.text(write.row, are_new=False), write.row.pk])


def _bulk(change: BulkInsert | Delete) -> SqlFragment:
    match change:
        case Delete(model, name, value):
            return SqlFragment(row_json.delete(model, name), [value])
        case BulkInsert(rows):
            shape = row_json.full_codec(type(rows[0]), with_key=False)
            return SqlFragment(shape.insert, [shape.text(*rows, are_new=True)])
