"""Ending somebody's account for good: what they hold is asked about first, then shown again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people.models import Person, ScheduledTermination
from people.operations import ranks
from people.operations.offboarding import handover_plan, schedule
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.offboarding.terminate import check_can_terminate, terminate_person
from people.values import PeopleError
from people.views.forms import NameForm
from people.views.offboarding.handover_form import DispositionForm, everything
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

NEWS = (
    "The items that {name} holds have changed since you opened this page. Nothing was changed. "
    "Review the new items, which are marked, and continue."
)


@administrator_required
def terminate(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person.objects.select_related("manager"), pk=person_id)
    ranks.check_rank_over(request.user.actor, person)
    if person.state == Person.State.TERMINATED:
        messages.info(request, f"{person.full_name} was already terminated.")
        return redirect("admin:people_person_change", person_id)
    form = _form(request, person)
    if form.is_bound and form.has_news:
        messages.warning(request, NEWS.format(name=person.full_name))
    elif form.is_bound and "back" not in request.POST and form.is_valid() and _may_leave(form):
        said = request.POST if "confirmed" in request.POST else None
        naming = NameForm(said, wanted=person.full_name)
        if not naming.is_valid():
            return _last_look(request, form, naming)
        if _carry_out(request, form):
            return redirect("admin:people_person_change", person_id)
    elif not form.is_bound and not form.inventory.keys and _may_leave(form):
        return _last_look(request, form, NameForm(wanted=person.full_name))
    return _ask(
        request, form, f"Terminate {person.full_name}?", "people/offboarding/terminate.html"
    )


@administrator_required
def plan(request: PersonRequest, person_id: UUID) -> HttpResponse:
    """Decide now what becomes of everything on the day on which somebody leaves."""
    person = get_object_or_404(Person.objects.select_related("manager"), pk=person_id)
    ranks.check_rank_over(request.user.actor, person)
    if not ScheduledTermination.objects.filter(person=person).exists():
        messages.error(request, str(schedule.NotScheduled(person)))
        return redirect("admin:people_person_change", person_id)
    form = _form(request, person)
    if form.is_bound and form.has_news:
        messages.warning(request, NEWS.format(name=person.full_name))
    elif form.is_bound and form.is_valid():
        try:
            schedule.plan(person, form.disposition, actor=request.user.actor)
        except schedule.NotScheduled as error:
            messages.error(request, str(error))
            return redirect("admin:people_person_change", person_id)
        messages.success(request, f"The plan for {person.full_name} was saved.")
        return redirect("admin:scheduled_terminations")
    return _ask(
        request,
        form,
        f"Plan the handover of {person.full_name}",
        "people/offboarding/handover_plan.html",
    )


def _form(request: PersonRequest, person: Person) -> DispositionForm:
    said = everything(person, _planned(person), request.GET.get("all", ""))
    return DispositionForm(person, request.POST if request.method == "POST" else None, said=said)


def _planned(person: Person) -> HandoverPlan:
    planned = (
        ScheduledTermination.objects.filter(person=person)
        .values_list("disposition", flat=True)
        .first()
    )
    if planned:
        return handover_plan.completed(person, HandoverPlan(**planned))
    return handover_plan.usual_disposition(person)


def _may_leave(form: DispositionForm) -> bool:
    """Tell whether the tenant can do without the person; the form says why it cannot."""
    try:
        check_can_terminate(form.person)
    except PeopleError as error:
        form.refuse(error)
        return False
    return True


def _carry_out(request: PersonRequest, form: DispositionForm) -> bool:
    try:
        terminate_person(form.person, form.disposition, actor=request.user.actor)
    except PeopleError as error:
        form.say(error)
        return False
    messages.success(request, f"{form.person.full_name} was terminated.")
    return True


def _ask(request: PersonRequest, form: DispositionForm, title: str, template: str) -> HttpResponse:
    context = _context(request, form, title) | {
        "choice": request.GET.get("all", ""),
        "news": form.has_news,
    }
    return render(request, template, context)


def _last_look(request: PersonRequest, form: DispositionForm, naming: NameForm) -> HttpResponse:
    context = _context(request, form, f"Permanently terminate {form.person.full_name}?") | {
        "naming": naming,
        "outcomes": list(form.outcomes()) if form.is_bound else [],
        "answers": form.answers if form.is_bound else [],
    }
    return render(request, "people/offboarding/terminate_confirm.html", context)


def _context(request: HttpRequest, form: DispositionForm, title: str) -> dict[str, Any]:
    page = reverse("admin:people_person_change", args=[form.person.pk])
    return page_context(request, title, parent=(form.person.full_name, page)) | {
        "person": form.person,
        "form": form,
        "cancel": page,
    }
