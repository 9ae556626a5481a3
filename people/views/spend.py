"""Where spending begins, and ending a card or a fund after a second look."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people import money
from people.models import Card, Fund
from people.operations.spend import cards_and_funds
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required


@administrator_required
def spend(request: HttpRequest) -> HttpResponse:
    return redirect("admin:people_card_changelist")


@administrator_required
def end_card(request: PersonRequest, held_id: UUID) -> HttpResponse:
    return _end(request, get_object_or_404(Card.objects.select_related("holder"), pk=held_id))


@administrator_required
def end_fund(request: PersonRequest, held_id: UUID) -> HttpResponse:
    return _end(request, get_object_or_404(Fund.objects.select_related("owner"), pk=held_id))


def _end(request: PersonRequest, held: Card | Fund) -> HttpResponse:
    noun = str(held._meta.verbose_name)
    page = reverse(f"admin:people_{held._meta.model_name}_change", args=[held.pk])
    if request.method == "POST" or held.ended_at:
        if not held.ended_at and cards_and_funds.close_instrument(held, actor=request.user.actor):
            messages.success(request, f"The {noun} “{held}” has ended.")
        return redirect(page)
    person, left = (
        (held.holder, "")
        if isinstance(held, Card)
        else (held.owner, money.written(held.balance, held.currency) if held.balance else "")
    )
    context = page_context(request, f"End the {noun} “{held}”?", parent=(str(held), page)) | {
        "held": held,
        "person": person,
        "left": left,
        "submit": f"End the {noun}",
        "cancel": page,
    }
    return render(request, "people/spend/end.html", context)
