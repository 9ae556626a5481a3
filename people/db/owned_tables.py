"""Finds from the models which tables belong to a tenant, and by which column."""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.db.models import Model

TENANTS: Final = "people_tenant"


def models() -> Iterator[type[Model]]:
    """Return the models that have a table, with the automatic ones of many-to-many fields."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield model


def tenant_column(model: type[Model]) -> str:
    """Return the column of the row's tenant; blank if it has none."""
    columns = [field.column for field in owners(model) if table_of(field) == TENANTS]
    return columns[0] if columns else ""


def owners(model: type[Model]) -> list[Any]:
    """Return the foreign keys that every row has, so the row may belong to what they refer to."""
    fields = model._meta.concrete_fields
    return [field for field in fields if field.is_relation and not field.null]


def table_of(field: Any) -> str:
    """Return the table that a foreign key refers to."""
    return str(field.related_model._meta.db_table)
