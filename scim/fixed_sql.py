"""Fixed statements, and rows of ours made from what they return.

The few places where the ORM would cost more than the work have one of these. They are
PostgreSQL's; `available` tells whether it is there.
"""

from collections.abc import Sequence
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
