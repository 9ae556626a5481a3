"""The pages to deactivate and reactivate a person."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people import hooks
from people.models import ApiToken, Person
from people.operations import people, ranks
from people.operations.offboarding import terminate
from people.presentation.actor_names import actor_name
from people.values import PeopleError
from people.views.forms import ReasonForm
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required


@administrator_required
def deactivate(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    ranks.check_rank_over(request.user.actor, person)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            people.deactivate_person(person, actor=request.user.actor, reason=reason)
        except PeopleError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{person.full_name} can no longer sign in or spend.")
        return redirect("admin:people_person_change", person_id)
    context = _context(request, person, form, "Deactivate") | {"refusal": ""}
    try:
        terminate.check_can_terminate(person)
    except PeopleError as error:
        # The company must keep an Owner and an administrator.
        context["refusal"] = str(error)
    context |= {
        "active_at": hooks.active_at_provider(person),
        "tokens": ApiToken.objects.active().filter(person=person).order_by("name", "pk"),
    }
    return render(request, "people/person/deactivate.html", context)


@administrator_required
def reactivate(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    ranks.check_rank_over(request.user.actor, person)
    if request.method == "POST":
        try:
            people.reactivate_person(person, actor=request.user.actor)
        except PeopleError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{person.full_name} can sign in and spend again.")
        return redirect("admin:people_person_change", person_id)
    return render(
        request, "people/person/reactivate.html", _context(request, person, None, "Reactivate")
    )


def _context(
    request: HttpRequest, person: Person, form: ReasonForm | None, verb: str
) -> dict[str, Any]:
    page = reverse("admin:people_person_change", args=[person.pk])
    return page_context(request, f"{verb} {person.full_name}?", parent=(person.full_name, page)) | {
        "person": person,
        "form": form,
        "provider": actor_name(person.deactivated_by) if person.was_deactivated_via_scim else "",
        "cancel": page,
        "submit": verb,
    }
