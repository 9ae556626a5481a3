"""Imports django-ldapdb, which asks pytz's methods of Django's UTC: gone since Django 5."""

from datetime import UTC, datetime, tzinfo
from types import SimpleNamespace
from typing import Any

from django.utils import timezone


class _Utc:
    """UTC with the two methods of pytz that django-ldapdb calls."""

    def localize(self, at: datetime) -> datetime:
        return at.replace(tzinfo=UTC)

    def normalize(self, at: datetime) -> datetime:
        return at.astimezone(UTC)


def _fields_of_ldapdb() -> Any:
    """Import them while Django has such a UTC, and leave them with one of their own."""
    timezone.utc = _Utc()  # type: ignore[attr-defined]
    try:
        from ldapdb.models import fields  # noqa: PLC0415  not before now
    finally:
        del timezone.utc  # type: ignore[attr-defined]
    fields.timezone = SimpleNamespace(utc=_Utc(), get_fixed_timezone=_fixed)
    return fields


def _fixed(minutes: int) -> tzinfo:
    return timezone.get_fixed_timezone(minutes)


fields = _fields_of_ldapdb()
