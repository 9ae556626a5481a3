"""The scheduled termination of one person: postpone it, or exempt the person."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from people.models import Person
from people.operations.offboarding import schedule
from people.operations.offboarding.schedule import NotScheduled
from people.operations.ranks import check_rank_over
from people.presentation.times import day_text, start_of_day
from people.values import Actor, PeopleError
from people.views.offboarding.handover_summary import handover_summaries
from people.views.offboarding.schedule_status import TerminationStatus, termination_status
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required


def _reason(help_text: str) -> forms.CharField:
    return forms.CharField(
        label="Reason",
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=help_text,
        error_messages={"required": "Enter a reason."},
    )


class PostponeForm(forms.Form):
    until = forms.DateField(
        label="Not before",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        error_messages={
            "required": "Choose a day.",
            "invalid": "Use the format 2027-01-31.",
        },
    )
    reason = _reason("Shown under Scheduled terminations and in the history.")

    @property
    def instant(self) -> datetime:
        """Return the beginning of the day in the zone of the viewer."""
        return start_of_day(self.cleaned_data["until"])


class ExemptForm(forms.Form):
    reason = _reason("They stay inactive until an administrator changes this.")


@administrator_required
def scheduled_termination(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person.objects.select_related("manager"), pk=person_id)
    check_rank_over(request.user.actor, person)
    data = request.POST if request.method == "POST" else None
    action = data.get("action", "") if data else ""
    postponing = PostponeForm(data if action == "postpone" else None, prefix="postpone")
    exempting = ExemptForm(data if action == "exempt" else None, prefix="exempt")
    if data is not None:
        try:
            done = _apply(action, person, postponing, exempting, actor=request.user.actor)
        # Another administrator may have reactivated or terminated the person in the meantime.
        except NotScheduled as error:
            messages.error(request, str(error))
            return redirect("admin:people_person_change", person_id)
        except PeopleError as error:
            postponing.add_error(error.field, str(error))
        else:
            if done:
                messages.success(request, done)
                return redirect("admin:scheduled_terminations")
    termination = termination_status(person)
    if termination.scheduled_termination is None or not termination.is_on:
        messages.error(request, str(NotScheduled(person)))
        return redirect("admin:people_person_change", person_id)
    context = page_context(
        request,
        f"Scheduled termination of {person.full_name}",
        parent=("Scheduled terminations", reverse("admin:scheduled_terminations")),
    )
    context |= _about(person, termination)
    return render(
        request,
        "people/offboarding/schedule_detail.html",
        context | {"postponing": postponing, "exempting": exempting},
    )


def _apply(
    action: str, person: Person, postponing: PostponeForm, exempting: ExemptForm, *, actor: Actor
) -> str:
    """Perform the action and return a message; return a blank one if a form is invalid.

    :raises NotScheduled, TooEarly: as the operations in `schedule`.
    """
    match action:
        case "postpone" if postponing.is_valid():
            because = postponing.cleaned_data["reason"]
            schedule.postpone(person, postponing.instant, because=because, actor=actor)
            day = day_text(postponing.instant)
            return f"{person.full_name} will not be terminated before {day}."
        case "exempt" if exempting.is_valid():
            because = exempting.cleaned_data["reason"]
            schedule.exempt(person, because=because, actor=actor)
            return f"{person.full_name} is exempt and will not be terminated automatically."
        case "end exemption":
            scheduled = schedule.end_exemption(person, actor=actor)
            return f"{person.full_name} will be terminated on {day_text(scheduled.due_at)}."
        case "forget plan":
            schedule.plan(person, None, actor=actor)
            return f"The handover plan for {person.full_name} was deleted. The default applies."
        case _:
            return ""


def _about(person: Person, termination: TerminationStatus) -> dict[str, Any]:
    scheduled_termination = termination.scheduled_termination
    assert scheduled_termination
    scheduled_termination.person = person
    return {
        "person": person,
        "termination": termination,
        "scheduled_termination": scheduled_termination,
        "outcome": handover_summaries([scheduled_termination])[person.pk],
    }
