"""Converts the rows of a model to SQL parameters, and result rows to model instances.

The conversion of a model's fields is looked up once: to ask each field again for each row takes
longer than the statement itself.
"""

from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any, TypeVar

import orjson
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=models.Model)


class RowCodec:
    """Some columns of a model: the statements that store them, and their values in a row.

    A row is sent as one JSON object. That takes psycopg a tenth of the time that one parameter
    for each column takes.
    """

    def __init__(self, model: type[models.Model], fields: Sequence[Any]) -> None:
        self.table, self.key = model._meta.db_table, str(model._meta.pk.column)
        self.fields = fields
        self._columns = [str(field.column) for field in fields]
        self._attributes = [str(field.attname) for field in fields]
        self._set_on_saving = [
            field
            for field in fields
            if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
        ]

    def values(self, row: models.Model) -> tuple[Any, ...]:
        """Return the row's values in these columns."""
        attributes = row.__dict__
        return tuple([attributes[name] for name in self._attributes])

    def text(self, *rows: models.Model, are_new: bool) -> str:
        """Return the rows as JSON. `auto_now` fields are set, as the ORM does."""
        for row in rows:
            for field in self._set_on_saving:
                field.pre_save(row, are_new)
        listed = [dict(zip(self._columns, self.values(row), strict=True)) for row in rows]
        return orjson.dumps(listed, default=str).decode()

    # The names in these statements come from the models, so S608 (injection) does not apply.

    @cached_property
    def insert(self) -> str:
        """The statement that inserts new rows, in their order."""
        columns = ", ".join(f'"{column}"' for column in self._columns)
        return (
            f"INSERT INTO {self.table} ({columns}) SELECT {columns} FROM {self._rows} "  # noqa: S608
            f"RETURNING {self.key}"
        )

    @cached_property
    def update(self) -> str:
        changes = ", ".join(f'"{column}" = given."{column}"' for column in self._columns)
        return (
            f"UPDATE {self.table} t SET {changes} FROM {self._rows} "  # noqa: S608
            f"WHERE t.{self.key} = %s RETURNING t.{self.key}"
        )

    @property
    def _rows(self) -> str:
        # The row type of the table converts the JSON values to the types of the columns.
        return f"jsonb_populate_recordset(NULL::{self.table}, %s::jsonb) given"


@cache
def codec_for(model: type[models.Model], names: tuple[str, ...]) -> RowCodec:
    return RowCodec(model, [model._meta.get_field(name) for name in names])


@cache
def full_codec(model: type[models.Model], *, with_key: bool) -> RowCodec:
    """Return a codec for all columns, without the key if the database generates it."""
    fields = model._meta.concrete_fields
    # Not `db_returning`, which is also true of a column with a `db_default`.
    return RowCodec(model, [field for field in fields if with_key or not field.primary_key])


@cache
def delete(model: type[models.Model], name: str) -> str:
    """Return the statement that deletes the rows with a given value in the field."""
    [field] = codec_for(model, (name,)).fields
    return f"DELETE FROM {model._meta.db_table} WHERE {field.column} = %s RETURNING 1"  # noqa: S608


def columns(model: type[models.Model], table: str) -> str:
    """Return a SELECT list of all columns of the model, in the order of its fields."""
    return ", ".join(f'{table}."{field.column}"' for field in model._meta.concrete_fields)


def from_row(model: type[Row], values: Sequence[Any], **related: models.Model | None) -> Row:
    """Return the instance that the ORM would make of `columns`, with these related rows.

    `__init__` is skipped: it sets the attributes one by one and sends two signals that nobody
    receives. For the six rows of a request, that takes as long as one statement.
    """
    names, converted = _reading(model)
    row = model.__new__(model)
    state = ModelState()
    state.adding, state.db, state.fields_cache = False, DEFAULT_DB_ALIAS, related
    row.__dict__.update(zip(names, values, strict=True), _state=state)
    for name, convert in converted:
        if row.__dict__[name] is not None:
            row.__dict__[name] = convert(row.__dict__[name])
    return row


@cache
def _reading(
    model: type[models.Model],
) -> tuple[list[str], list[tuple[str, Callable[..., Any]]]]:
    """Return the attribute names, and a converter for each attribute that needs one."""
    fields = model._meta.concrete_fields
    # Django makes psycopg return jsonb as text, and parses it in JSONField.
    converted = [
        (field.attname, orjson.loads) for field in fields if isinstance(field, models.JSONField)
    ]
    return [field.attname for field in fields], converted
