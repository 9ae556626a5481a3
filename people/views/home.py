"""The page “My profile” of every person."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render

from people import hooks
from people.models import Person
from people.presentation.page_links import counted
from people.views.approvals import requests_of, waiting_approvals
from people.views.away import absences_of
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, is_tenant_admin
from people.views.person.detail import profile_fields
from people.views.person.roles import role_lines
from people.views.spend_summary import spending_of


@login_required
def home(request: PersonRequest) -> HttpResponse:
    people = Person.objects.select_related("department", "location", "manager")
    person = people.get(pk=request.user.pk)
    context = page_context(request, "My profile") | {
        "person": person,
        # Only administrators may open the pages of other people.
        "fields": list(profile_fields(person, linked=is_tenant_admin(person))),
        "ledger": list(role_lines(person, counted(person.reports.in_lists()))),
        "spending": spending_of(person),
        "waiting": waiting_approvals(person),
        "requests": requests_of(person),
        "absences": absences_of(person),
        "sign_in_methods": hooks.sign_in_methods(person, may_link=True),
        "tenant": request.user.tenant,
        # The navigation would be empty for other people.
        "is_nav_sidebar_enabled": request.user.is_staff,
    }
    return render(request, "people/home.html", context)
