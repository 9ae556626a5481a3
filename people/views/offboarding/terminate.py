"""Terminating a person: a handover form first, then a page to confirm."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people import hooks
from people.models import Person, ScheduledTermination
from people.operations import ranks
from people.operations.offboarding import handover_plan, schedule
from people.operations.offboarding.terminate import check_can_terminate, terminate_person
from people.values import PeopleError
from people.views.forms import NameForm
from people.views.offboarding.handover_form import HandoverForm, plan_for_all
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

NEW_ITEMS_WARNING = (
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
    if form.is_bound and form.has_new_items:
        messages.warning(request, NEW_ITEMS_WARNING.format(name=person.full_name))
    elif form.is_bound and "back" not in request.POST and form.is_valid() and _can_terminate(form):
        data = request.POST if "confirmed" in request.POST else None
        naming = NameForm(data, expected=person.full_name)
        if not naming.is_valid():
            return _render_confirmation(request, form, naming)
        if _terminate(request, form):
            return redirect("admin:people_person_change", person_id)
    # A person who holds nothing needs no plan, so the first page is the confirmation.
    elif not form.is_bound and not form.inventory.keys and _can_terminate(form):
        return _render_confirmation(request, form, NameForm(expected=person.full_name))
    return _render_form(
        request, form, f"Terminate {person.full_name}?", "people/offboarding/terminate.html"
    )


@administrator_required
def plan(request: PersonRequest, person_id: UUID) -> HttpResponse:
    """Plan the handover of a scheduled termination."""
    person = get_object_or_404(Person.objects.select_related("manager"), pk=person_id)
    ranks.check_rank_over(request.user.actor, person)
    if not ScheduledTermination.objects.filter(person=person).exists():
        messages.error(request, str(schedule.NotScheduled(person)))
        return redirect("admin:people_person_change", person_id)
    form = _form(request, person)
    if form.is_bound and form.has_new_items:
        messages.warning(request, NEW_ITEMS_WARNING.format(name=person.full_name))
    elif form.is_bound and form.is_valid():
        try:
            schedule.plan(person, form.plan, actor=request.user.actor)
        except schedule.NotScheduled as error:
            messages.error(request, str(error))
            return redirect("admin:people_person_change", person_id)
        messages.success(request, f"The plan for {person.full_name} was saved.")
        return redirect("admin:scheduled_terminations")
    return _render_form(
        request,
        form,
        f"Plan the handover of {person.full_name}",
        "people/offboarding/handover_plan.html",
    )


def _form(request: PersonRequest, person: Person) -> HandoverForm:
    choice = request.GET.get("all", "")
    terminations = ScheduledTermination.objects.filter(person=person)
    stored = terminations.values_list("handover_plan", flat=True).first()
    plan = handover_plan.handover_for(person, stored)
    match choice:
        case "end":
            decided: Collection[str] = plan.funds
        case "manager":
            decided = ()
        case _:
            decided = (stored or {}).get("funds", ())
    return HandoverForm(
        person,
        request.POST if request.method == "POST" else None,
        plan=plan_for_all(person, plan, choice),
        decided=[f"fund-{key}" for key in decided],
    )


def _can_terminate(form: HandoverForm) -> bool:
    """Tell whether the person may be terminated; otherwise the form shows why not."""
    try:
        check_can_terminate(form.person)
    except PeopleError as error:
        form.refuse(error)
        return False
    return True


def _terminate(request: PersonRequest, form: HandoverForm) -> bool:
    try:
        terminate_person(form.person, form.plan, actor=request.user.actor)
    except PeopleError as error:
        form.say(error)
        return False
    messages.success(request, f"{form.person.full_name} was terminated.")
    return True


def _render_form(
    request: PersonRequest, form: HandoverForm, title: str, template: str
) -> HttpResponse:
    context = _context(request, form, title) | {
        "choice": request.GET.get("all", ""),
        "news": form.has_new_items,
    }
    return render(request, template, context)


def _render_confirmation(
    request: PersonRequest, form: HandoverForm, naming: NameForm
) -> HttpResponse:
    context = _context(request, form, f"Permanently terminate {form.person.full_name}?") | {
        "naming": naming,
        "summary": list(form.summary()) if form.is_bound else [],
        "answers": form.answers if form.is_bound else [],
    }
    return render(request, "people/offboarding/terminate_confirm.html", context)


def _context(request: HttpRequest, form: HandoverForm, title: str) -> dict[str, Any]:
    page = reverse("admin:people_person_change", args=[form.person.pk])
    return page_context(request, title, parent=(form.person.full_name, page)) | {
        "person": form.person,
        "active_at": hooks.active_at_provider(form.person),
        "form": form,
        "cancel": page,
    }
