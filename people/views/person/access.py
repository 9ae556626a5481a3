"""What administrators do about a lost or stolen device: reset the second factor, end sessions."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people.models import Person
from people.operations import second_factors, sessions
from people.operations.ranks import refusal_over
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication


@administrator_required
# Otherwise a stolen session could turn off the second factor of other people.
@requires_recent_authentication
def reset_second_factor(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    if request.method != "POST":
        title = f"Reset the second factor of {person.full_name}?"
        template = "people/person/reset_second_factor.html"
        return _ask(request, person, title, template, submit="Reset second factor")
    try:
        was_removed = second_factors.remove_second_factor(person, actor=request.user.actor)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        text = f"The second factor of {person.full_name} was reset."
        messages.success(request, text if was_removed else "There is no second factor to reset.")
    return redirect("admin:people_person_change", person_id)


@administrator_required
def end_sessions(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    if request.method != "POST":
        title = f"Sign out {person.full_name} everywhere?"
        template = "people/person/end_sessions.html"
        return _ask(request, person, title, template, submit="Sign out everywhere")
    sessions.sign_out(person, actor=request.user.actor, reason="an administrator signed them out.")
    messages.success(request, f"All sessions and API tokens of {person.full_name} were ended.")
    return redirect("admin:people_person_change", person_id)


def _ask(
    request: PersonRequest, person: Person, title: str, template: str, *, submit: str
) -> HttpResponse:
    page = reverse("admin:people_person_change", args=[person.pk])
    context = page_context(request, title, parent=(person.full_name, page)) | {
        "person": person,
        "refusal": refusal_over(request.user, person),
        "submit": submit,
        "cancel": page,
    }
    return render(request, template, context)
