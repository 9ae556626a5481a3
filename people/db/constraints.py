"""Finds the name of the constraint that refused a row, on PostgreSQL and on SQLite."""

from collections.abc import Iterator
from functools import cache

import psycopg
from django.apps import apps
from django.db import IntegrityError
from django.db.models import F, Model, UniqueConstraint


def constraint_of(error: IntegrityError) -> str:
    """Return the name of the constraint that refused the row; "" if that is unknown.

    The constraint of a unique field has the name that PostgreSQL gives it, such as
    "people_tenant_slug_key".
    """
    cause = error.__cause__
    if isinstance(cause, psycopg.Error):
        return cause.diag.constraint_name or ""
    # SQLite reports the name of a check constraint, but only the columns of a unique one.
    kind, _, detail = str(error).partition(" constraint failed: ")
    if kind == "CHECK":
        return detail
    return _unique_by_columns().get(frozenset(detail.split(", ")), "") if kind == "UNIQUE" else ""


@cache
def _unique_by_columns() -> dict[frozenset[str], str]:
    return {columns: name for model in apps.get_models() for columns, name in _unique_of(model)}


def _unique_of(model: type[Model]) -> Iterator[tuple[frozenset[str], str]]:
    table, columns = model._meta.db_table, {}
    for field in model._meta.concrete_fields:
        columns[field.name] = f"{table}.{field.column}"
        if field.unique:
            name = f"{table}_pkey" if field.primary_key else f"{table}_{field.column}_key"
            yield frozenset([columns[field.name]]), name
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield frozenset(columns[name] for name in _field_names(constraint)), constraint.name


def _field_names(constraint: UniqueConstraint) -> list[str]:
    # The stubs do not know the name of an F.
    named = [str(one.name) for one in constraint.expressions if isinstance(one, F)]  # type: ignore[attr-defined]
    return [*constraint.fields, *named]
