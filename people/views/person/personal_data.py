"""The pages on which an Owner exports or erases the personal data of a person."""

import json
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people.models import Person
from people.operations import ranks
from people.operations.erasure.erase import (
    check_can_erase,
    erase_person,
    erased_at,
    pseudonym_of,
)
from people.operations.erasure.export import export_person
from people.values import PeopleError
from people.views.forms import NameForm
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication


@administrator_required
# The file shows more about a person than any page.
@requires_recent_authentication
def export_personal_data(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    ranks.check_handles_personal_data(request.user.actor)
    if request.method != "POST":
        title = f"Export the personal data of {person.full_name}?"
        return _ask(request, person, title, "people/person/export_personal_data.html")
    data = export_person(person, actor=request.user.actor)
    return HttpResponse(
        json.dumps(data, ensure_ascii=False, indent=2),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="personal-data-{person.pk}.json"',
            "Cache-Control": "no-store",
        },
    )


@administrator_required
@requires_recent_authentication
def erase_personal_data(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    naming = NameForm(request.POST if request.method == "POST" else None, expected=person.full_name)
    try:
        check_can_erase(person, actor=request.user.actor)
        if erased_at(person):
            messages.info(request, f"The personal data of {person.full_name} was already erased.")
        elif naming.is_valid():
            erase_person(person, actor=request.user.actor)
            messages.success(request, f"The personal data was erased. History: {person.full_name}.")
        else:
            title = f"Permanently erase the personal data of {person.full_name}?"
            template = "people/person/erase_personal_data.html"
            return _ask(request, person, title, template, naming=naming)
    except PeopleError as error:
        messages.error(request, str(error))
    return redirect("admin:people_person_change", person_id)


def _ask(
    request: PersonRequest,
    person: Person,
    title: str,
    template: str,
    *,
    naming: NameForm | None = None,
) -> HttpResponse:
    page = reverse("admin:people_person_change", args=[person.pk])
    context = page_context(request, title, parent=(person.full_name, page)) | {
        "person": person,
        "pseudonym": pseudonym_of(person),
        "naming": naming,
        "cancel": page,
    }
    return render(request, template, context)
