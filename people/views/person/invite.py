"""Resends an invite from the person's page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from people.models import Person
from people.operations.invites import lifecycle
from people.values import PeopleError
from people.views.permissions import PersonRequest, administrator_required


@require_POST
@administrator_required
def invite_again(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    try:
        lifecycle.resend_invite(person, actor=request.user.actor)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The invite was sent to {person.email}.")
    return redirect("admin:people_person_change", person_id)
