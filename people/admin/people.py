from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectMultipleFilter, ChoicesCheckboxFilter
from unfold.decorators import display
from unfold.views import ChangeList

from people.admin import bulk_actions
from people.admin.exports import add_contact_details, fields_of, people_as_csv
from people.admin.filter_chips import filter_chips
from people.admin.filters import GuestFilter, MissingFilter, StateFilter
from people.admin.model_admin import CompanyAdmin
from people.admin.people_order import PeoplePaginator, complete
from people.models import Person
from people.models.person import PersonQuerySet
from people.operations.exports import record_export
from people.presentation.people_columns import CONTACT, Layout, layout_for, url_of
from people.presentation.times import day_text
from people.views.offboarding.terminate import terminate
from people.views.permissions import PersonRequest, administrator_required
from people.views.person.activation import deactivate, reactivate
from people.views.person.detail import person_page
from people.views.person.edit import edit_person, invite_person

FILTERS = {
    "state",
    "guest",
    "without",
    "department__id__exact",
    "location__id__exact",
    "manager__id__exact",
    "role__exact",
}


VIEW_VAR, COLUMNS_VAR = "view", "columns"
# How many saved views the list has links to. Their own page lists all of them.
VIEWS_SHOWN = 12


class PeopleChangeList(ChangeList):
    """The list of people. Django would take the parameters of the layout for filters."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        filters: dict[str, Any] = super().get_filters_params(params)
        return {name: filters[name] for name in filters if name not in (VIEW_VAR, COLUMNS_VAR)}

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[str]:
        return complete(super().get_ordering(request, queryset))


def layout_of(request: HttpRequest) -> Layout:
    """Return the layout of the list for the visitor. It is loaded once for each request."""
    if not hasattr(request, "people_layout"):
        view_id = request.GET.get(VIEW_VAR, "")
        request.people_layout = layout_for(request.user, view_id)  # type: ignore[attr-defined,arg-type]
    layout: Layout = request.people_layout  # type: ignore[attr-defined]
    return layout


def _day(moment: datetime | None) -> str:
    return day_text(moment) if moment else "—"


@admin.register(Person)
class PersonAdmin(CompanyAdmin):
    address = "people/"
    paginator = PeoplePaginator
    nothing_yet = "Invite a person, or connect your identity provider."
    list_filter = (
        StateFilter,
        ("department", AutocompleteSelectMultipleFilter),
        ("location", AutocompleteSelectMultipleFilter),
        ("manager", AutocompleteSelectMultipleFilter),
        ("role", ChoicesCheckboxFilter),
        MissingFilter,
        GuestFilter,
    )
    list_before_template = "admin/people/person/_toolbar.html"
    search_fields = ("given_name", "family_name", "email")
    search_help_text = "Name or email address"
    # The methods of this class that show a column; the names of the others are fields.
    cells: ClassVar = {
        "role": "role_name",
        "manager": "boss",
        "state": "state_name",
        "joined_at": "joined",
        "created_at": "added",
        "deactivated_at": "deactivated",
        "deactivates_at": "last_day",
    }
    actions = ("edit_selected", "deactivate_selected", "reactivate_selected")

    def get_urls(self) -> list[URLPattern]:
        # These replace Django's pages to add, change and delete: only operations change a person.
        page = self.admin_site.admin_view
        return [
            path("", page(self.changelist_view), name="people_person_changelist"),
            path("export/", page(administrator_required(self.export)), name="people_person_export"),
            path("add/", page(invite_person), name="people_person_add"),
            path("<uuid:person_id>/", page(person_page), name="people_person_change"),
            path("<uuid:person_id>/edit/", page(edit_person), name="people_person_edit"),
            path("<uuid:person_id>/deactivate/", page(deactivate), name="people_person_deactivate"),
            path("<uuid:person_id>/reactivate/", page(reactivate), name="people_person_reactivate"),
            path("<uuid:person_id>/terminate/", page(terminate), name="people_person_terminate"),
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PeopleChangeList

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return [self.cells.get(name, name) for name in layout_of(request).columns]

    def get_list_select_related(self, request: HttpRequest) -> tuple[str, ...]:
        location = "location__entity" if "entity" in layout_of(request).columns else "location"
        return ("department", location, "manager")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return layout_of(request).ordering

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        page: Any = super().changelist_view(request, extra_context)
        # A redirect, such as that of an action, has no context.
        if isinstance(page, TemplateResponse) and page.context_data and "cl" in page.context_data:
            changelist = page.context_data["cl"]
            if not {*CONTACT}.isdisjoint(layout_of(request).columns):
                add_contact_details(changelist.result_list)
            export_query = request.GET.copy()
            export_query[COLUMNS_VAR] = "shown"
            page.context_data |= {
                "chips": filter_chips(request, changelist.filter_specs),
                "layout": layout_of(request),
                "views": [(view, url_of(view)) for view in layout_of(request).views[:VIEWS_SHOWN]],
                "export_query": export_query.urlencode(),
            }
        response: HttpResponse = page
        return response

    def get_queryset(self, request: HttpRequest) -> PersonQuerySet:
        people: PersonQuerySet = super().get_queryset(request)
        return people.with_is_manager()

    def get_search_results(
        self, request: HttpRequest, queryset: PersonQuerySet, search_term: str
    ) -> tuple[PersonQuerySet, bool]:
        people = queryset.matching(search_term)
        if request.resolver_match and request.resolver_match.url_name == "autocomplete":
            # Autocompletes select managers and filters, so leave out terminated people.
            people = people.in_lists()
        # False: the search joins no table that could repeat a person, so no DISTINCT is needed.
        return people, False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow only the filters of the page. Other lookups could probe hidden columns."""
        return lookup in FILTERS

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: people are never deleted."""
        return False

    def export(self, request: PersonRequest) -> HttpResponseBase:
        """Export all people of the filtered list as CSV, with `columns=shown` as on the page.

        With invalid filters, redirect to the list with an error, as the list itself does.
        """
        try:
            people = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect(f"{reverse('admin:people_person_changelist')}?{ERROR_FLAG}=1")
        record_export("people as CSV", actor=request.user.actor, filters=request.GET.urlencode())
        if request.GET.get(COLUMNS_VAR) == "shown":
            return people_as_csv(people, fields_of(layout_of(request).columns))
        return people_as_csv(people)

    @display(description="Name", ordering="family_name")
    def name(self, person: Person) -> str:
        return render_to_string("people/person/_name.html", {"person": person})

    @display(description="Job title")
    def title(self, person: Any) -> str:
        return person.contact.title or self.empty_value_display

    @display(description="Phone")
    def phone(self, person: Any) -> str:
        return person.contact.phone or self.empty_value_display

    @display(description="Entity", ordering="location__entity__name")
    def entity(self, person: Person) -> str:
        return person.location.entity.name if person.location else self.empty_value_display

    @display(description="Joined", ordering="joined_at")
    def joined(self, person: Person) -> str:
        return _day(person.joined_at)

    @display(description="Added", ordering="created_at")
    def added(self, person: Person) -> str:
        return _day(person.created_at)

    @display(description="Deactivated", ordering="deactivated_at")
    def deactivated(self, person: Person) -> str:
        return _day(person.deactivated_at)

    @display(description="Last day", ordering="deactivates_at")
    def last_day(self, person: Person) -> str:
        return _day(person.deactivates_at)

    @display(description="Role", ordering="role")
    def role_name(self, person: Person) -> str:
        return render_to_string("people/person/_role.html", {"person": person})

    @display(description="Manager", ordering="manager__family_name")
    def boss(self, person: Person) -> str:
        return render_to_string("people/person/_manager.html", {"manager": person.manager})

    @display(description="State", ordering="state")
    def state_name(self, person: Person) -> str:
        return render_to_string("people/person/_state.html", {"person": person})

    @admin.action(description="Edit", permissions=["change"])
    def edit_selected(self, request: PersonRequest, people: QuerySet[Person]) -> HttpResponse:
        return bulk_actions.start_edit(request, people)

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate_selected(
        self, request: PersonRequest, people: QuerySet[Person]
    ) -> HttpResponse | None:
        return bulk_actions.confirm_or_apply(request, people, bulk_actions.DEACTIVATION)

    @admin.action(description="Reactivate", permissions=["change"])
    def reactivate_selected(
        self, request: PersonRequest, people: QuerySet[Person]
    ) -> HttpResponse | None:
        return bulk_actions.confirm_or_apply(request, people, bulk_actions.REACTIVATION)
