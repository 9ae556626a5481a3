"""Fixed statements, and rows of ours made from what they return.

The few places where the ORM would cost more than the work have one of these. They are
PostgreSQL's; `available` tells whether it is there.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

Row = TypeVar("Row", bound=Model)


def available() -> bool:
    return connection.vendor == "postgresql"


def one(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return the first row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def columns(model: type[Model], table: str) -> str:
    """Name all columns of the model, in its own order."""
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def loaded(model: type[Row], values: Sequence[Any]) -> Row:
    """Make the instance that the ORM would make of `columns`."""
    fields = model._meta.concrete_fields
    read = [
        field.from_db_value(value, None, connection) if hasattr(field, "from_db_value") else value
        for field, value in zip(fields, values, strict=True)
    ]
    return model.from_db("default", [field.attname for field in fields], read)


def update_and_insert(changed: Model, names: tuple[str, ...], new: Model) -> None:
    """Store these attributes of one row, and the whole of another, in one statement."""
    if not available():
        changed.save(update_fields=names)
        new.save(force_insert=True)
        return
    changing = _fields(type(changed), names)
    inserting = tuple(type(new)._meta.concrete_fields)
    values = [*_values(changed, changing), changed.pk, *_values(new, inserting)]
    with connection.cursor() as cursor:
        cursor.execute(_update_and_insert(type(changed), names, type(new)), values)


@cache
def _update_and_insert(changed: type[Model], names: tuple[str, ...], new: type[Model]) -> str:
    assignments = ", ".join(f"{field.column} = %s" for field in _fields(changed, names))
    columns = [str(field.column) for field in new._meta.concrete_fields]
    return (
        f"WITH changed AS (UPDATE {changed._meta.db_table} SET {assignments} WHERE id = %s)"  # noqa: S608
        f" INSERT INTO {new._meta.db_table} ({', '.join(columns)})"
        f" VALUES ({', '.join(['%s'] * len(columns))})"
    )


@cache
def _fields(model: type[Model], names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(model._meta.get_field(name) for name in names)


def _values(row: Model, fields: Sequence[Any]) -> list[Any]:
    return [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
