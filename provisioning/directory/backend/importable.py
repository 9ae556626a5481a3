"""Imports django-ldapdb, which expects pytz's methods in django.utils.timezone.utc.

Django 5 has removed that attribute.
"""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from django.utils import timezone


class _Utc:
    """UTC with the two methods of pytz that django-ldapdb calls."""

    def localize(self, at: datetime) -> datetime:
        return at.replace(tzinfo=UTC)

    def normalize(self, at: datetime) -> datetime:
        return at.astimezone(UTC)


timezone.utc = _Utc()  # type: ignore[attr-defined]
try:
    from ldapdb.models import fields as ldapdb_fields
finally:
    del timezone.utc  # type: ignore[attr-defined]
fields: Any = ldapdb_fields
# django-ldapdb also needs `timezone.utc` later. It gets this object instead of Django's module.
fields.timezone = SimpleNamespace(utc=_Utc(), get_fixed_timezone=timezone.get_fixed_timezone)
