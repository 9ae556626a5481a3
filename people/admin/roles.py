"""The model admin of custom roles. They are granted on each person's page."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from people.admin.organization import PlaceAdmin
from people.models import Role


@admin.register(Role)
class RoleAdmin(PlaceAdmin):
    address = "people/roles/"
    nothing_yet = (
        "Add roles besides Owner, Admin, Cardholder, Bookkeeper, Guest and IT Admin. Grant them "
        "on a person's page."
    )
    list_display = ("name", "elevation", "holders")
    fields = ("name", "is_elevated")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        roles: QuerySet[Role] = super().get_queryset(request)
        # Distinct, because several sources may grant a person the same role.
        return roles.annotate(holder_count=Count("grants__person", distinct=True))

    @display(description="Elevated", ordering="is_elevated", label={"Elevated": "warning"})
    def elevation(self, role: Role) -> str:
        return "Elevated" if role.is_elevated else ""

    @display(description="Held by", ordering="holder_count")
    def holders(self, role: Any) -> str:
        return "1 person" if role.holder_count == 1 else f"{role.holder_count:,} people"
