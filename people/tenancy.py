"""The tenant in force, to which the queries of tenant-owned models are limited.

A request, a job or a command puts a tenant in force before it queries tenant-owned rows. Their
default manager returns only rows of that tenant, and raises an error without one. Work across
tenants, such as an operator's page or a job, uses `across_tenants`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import models

if TYPE_CHECKING:
    from people.models import Tenant


class NoTenantInForceError(RuntimeError):
    """Tenant-owned rows were queried without a tenant in force."""


# No tenant has this key, and it is false like None, so `current_id` refuses both.
ALL: Final = 0
_in_force: ContextVar[int | None] = ContextVar("tenant_in_force", default=None)


@contextmanager
def use(tenant: "Tenant | int") -> Iterator[None]:
    """Put the tenant in force until the block ends."""
    token = _in_force.set(tenant if isinstance(tenant, int) else tenant.pk)
    try:
        yield
    finally:
        _in_force.reset(token)


@contextmanager
def across_tenants() -> Iterator[None]:
    """See every tenant's rows until the block ends."""
    token = _in_force.set(ALL)
    try:
        yield
    finally:
        _in_force.reset(token)


def current_id() -> int:
    """Return the key of the tenant in force.

    :raises NoTenantInForceError: if there is none, or all of them are.
    """
    tenant_id = _in_force.get()
    if not tenant_id:
        raise NoTenantInForceError("No single tenant is in force here.")
    return tenant_id


def scope() -> int:
    """Return the key of the tenant in force, or ALL.

    :raises NoTenantInForceError: if none is set.
    """
    tenant_id = _in_force.get()
    if tenant_id is None:
        raise NoTenantInForceError("No tenant is in force.")
    return tenant_id


def in_force() -> int | None:
    """Return the key of the tenant in force, ALL, or None if none is set."""
    return _in_force.get()


Row_co = TypeVar("Row_co", bound=models.Model, covariant=True)


class TenantManager(models.Manager[Row_co]):
    """Returns only rows of the tenant in force, and raises an error without one."""

    def get_queryset(self) -> models.QuerySet[Row_co]:
        rows, tenant_id = super().get_queryset(), self._in_force()
        return rows if tenant_id == ALL else rows.filter(tenant_id=tenant_id)

    if not TYPE_CHECKING:  # django-stubs checks the arguments of the inherited method better

        def create(self, **values: Any) -> Row_co:
            """Create a row without building a queryset, which saves time on hot paths."""
            self._in_force()
            row = self.model(**values)
            row.save(force_insert=True)
            return row

    def _in_force(self) -> int:
        tenant_id = _in_force.get()
        if tenant_id is None:
            raise NoTenantInForceError(f"No tenant is in force for {self.model.__name__} rows.")
        return tenant_id


class TenantOwned(models.Model):
    """A row that belongs to one tenant and is invisible to all others."""

    tenant = models.ForeignKey(
        "people.Tenant", on_delete=models.PROTECT, related_name="+", editable=False
    )

    objects = TenantManager()

    class Meta:
        abstract = True
