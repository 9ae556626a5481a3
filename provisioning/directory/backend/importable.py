"""Imports django-ldapdb, which expects pytz's methods in django.utils.timezone.utc.

Django 5 has removed that attribute.
"""

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
    """Import the fields with a temporary `timezone.utc`, and give the module its own one."""
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
