from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from people.models import Person


class StateFilter(DropdownFilter):
    """Hides the terminated unless they are asked for."""

    title = "state"
    parameter_name = "state"
    all_option = ("", "All but terminated")

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
