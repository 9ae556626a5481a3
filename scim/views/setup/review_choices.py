"""The decisions of the review; decisions about elevated people need a confirmation."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from people.models import Person
from people.operations import ranks
from people.operations.connection_events import record_connection_event
from people.operations.roles import base_roles
from people.values import Actor
from people.views.permissions import PersonRequest
from scim.connections import setup
from scim.jobs import match_report
from scim.jobs.matcher import Choice
from scim.models import Connection, MatchDecision, ScimUser
from scim.views.setup.common import context_of
from scim.views.setup.steps import with_setup_connection

OF_A_RESOURCE = (Choice.LINK, Choice.LEAVE)
OF_A_PERSON = (Choice.DEACTIVATE, Choice.LEAVE)
CONSEQUENCES = {
    Choice.LINK: "will be linked",
    Choice.DEACTIVATE: "will be deactivated",
    Choice.LEAVE: "will not be changed",
}


class ChoiceForm(forms.Form):
    """The buttons of a row: a resource or a person, and the decision."""

    # PostgreSQL refuses a larger key with an error instead of finding nothing.
    user = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    person = forms.UUIDField(required=False)
    choice = forms.ChoiceField(choices=Choice.choices)
    confirmed = forms.BooleanField(required=False)
    # The query of the page to return to.
    back = forms.CharField(required=False, max_length=500)


@with_setup_connection
@require_POST
def choose(request: PersonRequest, connection: Connection) -> HttpResponse:
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        raise Http404
    chosen = form.cleaned_data
    choice = Choice(chosen["choice"])
    user, person = _chosen(connection, chosen["user"], chosen["person"], choice)
    review = reverse("admin:setup_review", args=[connection.provider])
    back = f"{review}?{chosen['back']}"
    if choice == Choice.DEACTIVATE and person == request.user:
        messages.error(request, "You cannot deactivate yourself. Ask another administrator.")
        return redirect(back)
    if person and choice != Choice.LEAVE:
        ranks.check_rank_over(request.user.actor, person)
    needs_confirmation = choice != Choice.LEAVE and person and base_roles.is_privileged(person)
    if needs_confirmation and not chosen["confirmed"]:
        return _confirmation_page(request, connection, chosen | {"target": person, "cancel": back})
    about = {"user": user} if user else {"person": person}
    if _save_decision(connection, about, choice, actor=request.user.actor):
        name = person.full_name if person else str(user)
        messages.success(request, f"{name} {CONSEQUENCES[choice]}.")
    return redirect(back)


def _chosen(
    connection: Connection, user_id: int | None, person_id: UUID | None, choice: Choice
) -> tuple[ScimUser | None, Person | None]:
    """Return the chosen row: the resource and its matching person, or only a person."""
    if user_id and choice in OF_A_RESOURCE:
        users = ScimUser.objects.known_to(connection).select_related("connection")
        user = get_object_or_404(users, pk=user_id)
        person = match_report.matching_person(user)
        if person is not None:
            return user, person
    elif person_id and choice in OF_A_PERSON:
        return None, get_object_or_404(match_report.only_in_ramp(connection), pk=person_id)
    raise Http404


@transaction.atomic
def _save_decision(
    connection: Connection, about: dict[str, Any], choice: Choice, *, actor: Actor
) -> bool:
    setup.lock_connection(connection)
    # After activation, the initial import may already have applied the decisions.
    if connection.activated_at:
        return False
    MatchDecision.objects.update_or_create(
        connection=connection,
        **about,
        defaults={
            "tenant_id": connection.tenant_id,
            "choice": choice,
            "decided_by": str(actor),
            "decided_at": timezone.now(),
        },
    )
    record_connection_event(
        f"chose “{choice.label}” for {about.get('person') or about['user']} in the review of "
        f"{connection}",
        actor=actor,
        provider=connection.provider,
        connection=str(connection.pk),
    )
    return True


def _confirmation_page(
    request: PersonRequest, connection: Connection, chosen: dict[str, Any]
) -> HttpResponse:
    person, verb = chosen["target"], Choice(chosen["choice"]).label.lower()
    context = context_of(
        request,
        connection.provider,
        "setup_review",
        connection=connection,
        chosen=chosen,
        verb=verb,
    )
    context["title"] = f"{verb.capitalize()} {person.full_name}?"
    return render(request, "scim/setup/confirm_choice.html", context)
