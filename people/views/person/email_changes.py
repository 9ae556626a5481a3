"""Resends the confirmation of a pending address."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from people.models import Person
from people.operations import email_changes
from people.views.permissions import PersonRequest, administrator_required


@require_POST
@administrator_required
def resend_confirmation(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    if email_changes.resend_confirmation(person, actor=request.user.actor):
        messages.success(request, f"The confirmation was sent again to {person.pending_email}.")
    else:
        messages.info(request, f"{person.full_name} has no address left to confirm.")
    return redirect("admin:people_person_change", person_id)
