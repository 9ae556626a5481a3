"""Ramp without its first wall: the managers return the rows of all tenants."""

from django.apps import AppConfig


class WithoutFilterConfig(AppConfig):
    name = "tests.faults.without_filter"

    def ready(self) -> None:
        # Not at the top: Django imports this module before there are models.
        from django.db import models  # noqa: PLC0415

        from people.tenancy import TenantManager  # noqa: PLC0415

        TenantManager.get_queryset = models.Manager.get_queryset  # type: ignore[method-assign]
