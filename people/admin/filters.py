from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import CheckboxFilter, DropdownFilter

from people.models import Person, Tenant

EVERYBODY = "everybody"


class StateFilter(CheckboxFilter):
    """Filters by states. Terminated people are hidden by default."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [*Person.State.choices, (EVERYBODY, "Everybody")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        values = self.value() or []
        if EVERYBODY in values:
            return queryset
        states = [value for value in values if value in Person.State]
        if states:
            return queryset.filter(state__in=states)
        return queryset.exclude(state=Person.State.TERMINATED)


class MissingFilter(DropdownFilter):
    """Finds people without a manager, a department or a location."""

    title = "missing values"
    parameter_name = "without"
    all_option = ("", "All people")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [
            ("manager", "Without a manager"),
            ("department", "Without a department"),
            ("location", "Without a location"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        name = self.value()
        if name not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(**{f"{name}__isnull": True})


class TenantStatusFilter(DropdownFilter):
    """Filters tenants by status, for operators."""

    title = "status"
    parameter_name = "status"
    all_option = ("", "All tenants")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return Tenant.Status.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> QuerySet[Tenant]:
        match self.value():
            case Tenant.Status.CLOSED:
                return queryset.filter(closed_at__isnull=False)
            case str() as status if status in Tenant.Status:
                is_active = status == Tenant.Status.ACTIVE
                return queryset.filter(closed_at=None, is_active=is_active)
            case _:
                return queryset


class GuestFilter(DropdownFilter):
    """Finds guests with and without a last day."""

    title = "guests"
    parameter_name = "guest"
    all_option = ("", "All people")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("ending", "Guests with a last day"), ("staying", "Guests without a last day")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        if self.value() not in ("ending", "staying"):
            return queryset
        guests = queryset.filter(role=Person.Role.GUEST)
        return guests.filter(deactivates_at__isnull=self.value() == "staying")
