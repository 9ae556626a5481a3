from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from people.models import Person


class StateFilter(DropdownFilter):
    """Filters by state. Terminated people are hidden by default."""

    title = "state"
    parameter_name = "state"
    all_option = ("", "Not terminated")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [*Person.State.choices, ("everybody", "Everybody")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        match self.value():
            case "everybody":
                return queryset
            case str() as state if state in Person.State:
                return queryset.filter(state=state)
            case _:
                return queryset.exclude(state=Person.State.TERMINATED)


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
