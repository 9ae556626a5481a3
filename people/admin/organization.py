"""Model admins of departments, locations and entities."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from people.admin.model_admin import CompanyAdmin
from people.models import Department, Entity, Location, Person
from people.operations import organization
from people.operations.organization import AnyPlace
from people.values import PeopleError
from people.views.permissions import PersonRequest


class PlaceForm(forms.ModelForm[Any]):
    """Shows errors of the operation on the form."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            # `save_place` checks again: another request may take the name before this one saves.
            organization.check_name(self.instance)
            organization.check_currency(self.instance)
        except PeopleError as error:
            field = error.field if error.field in self.fields else None
            self.add_error(field, str(error))


class PlaceAdmin(CompanyAdmin):
    form = PlaceForm
    search_fields = ("name",)
    search_help_text = "Name"
    ordering = ("name", "pk")
    # Django's bulk deletion would bypass the operation that checks whether a place is in use.
    actions = None

    def save_model(
        self,
        request: PersonRequest,
        obj: AnyPlace,
        form: forms.ModelForm[Any],
        change: bool,  # noqa: FBT001
    ) -> None:
        organization.save_place(obj, actor=request.user.actor)

    def delete_model(self, request: PersonRequest, obj: AnyPlace) -> None:
        organization.delete_place(obj, actor=request.user.actor)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """List the objects alone: the operation refuses to delete a place that is in use."""
        return [str(place) for place in objs], {}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        place = self.get_object(request, object_id)
        try:
            if place is not None:
                organization.check_unused(place)
            page: HttpResponse = super().delete_view(request, object_id, extra_context)
        except PeopleError as error:
            messages.error(request, str(error))
            return redirect(f"admin:people_{self.opts.model_name}_change", object_id)
        return page


class PeopledAdmin(PlaceAdmin):
    """A place that people belong to directly."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        people = Person.objects.in_lists().filter(**{self.opts.model_name: OuterRef("pk")})
        people = people.order_by().values(self.opts.model_name)
        count = Subquery(people.annotate(count=Count("*")).values("count"))
        places: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = places.annotate(people_count=Coalesce(count, 0))
        return counted

    @display(description="People", ordering="people_count")
    def people(self, place: Any) -> str:
        people = reverse("admin:people_person_changelist")
        return format_html(
            '<a href="{}?{}__id__exact={}" class="underline" aria-label="{}">{}</a>',
            people,
            self.opts.model_name,
            place.pk,
            f"{place.people_count:,} people of {place.name}",
            f"{place.people_count:,}",
        )


@admin.register(Department)
class DepartmentAdmin(PeopledAdmin):
    address = "people/departments/"
    nothing_yet = "Departments are also added when an identity provider sends them."
    list_display = ("name", "people")
    fields = ("name",)


@admin.register(Location)
class LocationAdmin(PeopledAdmin):
    address = "people/locations/"
    nothing_yet = "Locations are also added when an identity provider sends them."
    list_display = ("name", "entity", "people")
    list_select_related = ("entity",)
    fields = ("name", "entity")
    autocomplete_fields = ("entity",)

    def get_changeform_initial_data(self, request: PersonRequest) -> dict[str, Any]:
        return {"entity": request.user.tenant.default_entity_id}


@admin.register(Entity)
class EntityAdmin(PlaceAdmin):
    address = "people/entities/"
    list_display = ("name", "issuing_currency", "locations")
    fields = ("name", "currency")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entity]:
        entities: QuerySet[Entity] = super().get_queryset(request)
        return entities.annotate(location_count=Count("locations"))

    @display(description="Issuing currency", ordering="currency")
    def issuing_currency(self, entity: Entity) -> str:
        return entity.currency

    @display(description="Locations", ordering="location_count")
    def locations(self, entity: Any) -> str:
        return f"{entity.location_count:,}"
