from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from people.admin import bulk_actions
from people.admin.exports import people_as_csv
from people.admin.filters import GuestFilter, StateFilter
from people.admin.model_admin import CompanyAdmin
from people.models import Person
from people.models.person import PersonQuerySet
from people.views.offboarding.terminate import terminate
from people.views.permissions import PersonRequest, administrator_required
from people.views.person.activation import deactivate, reactivate
from people.views.person.detail import person_page
from people.views.person.edit import edit_person, invite_person

FILTERS = {
    "state",
    "guest",
    "department__id__exact",
    "location__id__exact",
    "manager__id__exact",
    "role__exact",
}


@admin.register(Person)
class PersonAdmin(CompanyAdmin):
    address = "people/"
    nothing_yet = "Invite a person, or connect your identity provider."
    list_display = ("name", "role_name", "department", "location", "boss", "state_name")
    list_filter = (
        StateFilter,
        ("department", AutocompleteSelectFilter),
        ("location", AutocompleteSelectFilter),
        ("manager", AutocompleteSelectFilter),
        ("role", ChoicesDropdownFilter),
        GuestFilter,
    )
    list_select_related = ("department", "location", "manager")
    search_fields = ("given_name", "family_name", "email")
    search_help_text = "Name or email address"
    ordering = ("family_name", "given_name", "pk")
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

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Export all people of the filtered list as CSV.

        With invalid filters, redirect to the list with an error, as the list itself does.
        """
        try:
            people = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect(f"{reverse('admin:people_person_changelist')}?{ERROR_FLAG}=1")
        return people_as_csv(people)

    @display(description="Name", ordering="family_name")
    def name(self, person: Person) -> str:
        return render_to_string("people/person/_name.html", {"person": person})

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
