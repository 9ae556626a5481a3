"""What waits for the approval of a person, on their home page, and the page to decide it."""

from dataclasses import dataclass
from typing import Final

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminTextareaWidget

from people import money
from people.models import Approval, OutstandingItem, Person
from people.operations.spend import decisions
from people.presentation.approval_text import approval_texts
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest

SHOWN: Final = 20
STATES: Final = Approval.State


@dataclass(frozen=True)
class Waiting:
    """The approvals that wait for a person, the oldest first, and how many there are."""

    lines: list[Approval]
    count: int


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Reason for declining",
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The person who made the request sees it.",
    )


def waiting_approvals(person: Person) -> Waiting:
    """Return what waits for the person, and for the people whose delegate they are now."""
    pending = Approval.objects.open_to(person, at=timezone.now()).filter(state=STATES.PENDING)
    rows = pending.select_related("outstanding_item__person", "step__workflow", "step__approver")
    lines = list(rows.order_by("outstanding_item__created_at", "pk")[:SHOWN])
    return Waiting(lines, pending.count() if len(lines) == SHOWN else len(lines))


def requests_of(person: Person) -> list[OutstandingItem]:
    """Return the newest items of the person, each with its approvals in order as `asked`."""
    approvals = Approval.objects.select_related("step__approver").order_by("pk")
    items = person.outstanding_items.order_by("-created_at", "pk")
    return list(items.prefetch_related(Prefetch("approvals", approvals, to_attr="asked"))[:SHOWN])


@never_cache
@login_required
def approval(request: PersonRequest, approval_id: int) -> HttpResponse:
    """Show a request, and let its approver or the approver's delegate decide it."""
    person = request.user
    related = ("outstanding_item__person", "step__workflow", "step__approver")
    own = Approval.objects.open_to(person, at=timezone.now()).select_related(*related)
    asked = get_object_or_404(own, pk=approval_id)
    is_declined = request.POST.get("decision") == "decline"
    form = ReasonForm(request.POST if is_declined else None)
    if request.method == "POST" and (not is_declined or form.is_valid()):
        return _decide(request, asked, form.cleaned_data["reason"] if is_declined else None)
    item = asked.outstanding_item
    title = f"{item.get_kind_display()} “{item.description}”"
    context = page_context(request, title, parent=("My profile", reverse("admin:home")))
    texts = {one.step_id: (one, text) for one, text in approval_texts(item)}
    steps = []
    for step in asked.step.workflow.steps.select_related("approver").order_by("place"):
        found, text = texts.get(step.pk, (None, f"Then {step.approver.full_name}"))
        reason = found.reason if found else ""
        steps.append({"place": step.place, "text": text, "reason": reason})
    context |= {
        "person": person,
        "approval": asked,
        "item": item,
        "amount": money.format_amount(item.amount, item.currency),
        # The whole workflow, each step with what has been decided there.
        "steps": steps,
        "refusal": decisions.refusal_for(asked, person),
        "form": form,
        # The navigation would be empty for other people.
        "is_nav_sidebar_enabled": person.is_staff,
    }
    return render(request, "people/approvals/approval.html", context)


def _decide(request: PersonRequest, asked: Approval, reason: str | None) -> HttpResponse:
    try:
        if reason is None:
            decisions.approve(asked, actor=request.user.actor)
        else:
            decisions.decline(asked, reason, actor=request.user.actor)
    except PeopleError as error:
        messages.error(request, str(error))
        return redirect("admin:home")
    verb = "approved" if reason is None else "declined"
    messages.success(request, f"You {verb} “{asked.outstanding_item.description}”.")
    return redirect("admin:home")
