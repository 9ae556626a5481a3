"""The start page of spending, and the pages to end a card or fund."""

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
def end_card(request: PersonRequest, instrument_id: UUID) -> HttpResponse:
    return _end(request, get_object_or_404(Card.objects.select_related("holder"), pk=instrument_id))


@administrator_required
def end_fund(request: PersonRequest, instrument_id: UUID) -> HttpResponse:
    return _end(request, get_object_or_404(Fund.objects.select_related("owner"), pk=instrument_id))


def _end(request: PersonRequest, instrument: Card | Fund) -> HttpResponse:
    noun = str(instrument._meta.verbose_name)
    page = reverse(f"admin:people_{instrument._meta.model_name}_change", args=[instrument.pk])
    # The page can be old: what has ended needs no second confirmation.
    if request.method == "POST" or instrument.ended_at:
        if not instrument.ended_at and cards_and_funds.close_instrument(
            instrument, actor=request.user.actor
        ):
            messages.success(request, f"The {noun} “{instrument}” has ended.")
        return redirect(page)
    person, left = (
        (instrument.holder, "")
        if isinstance(instrument, Card)
        else (
            instrument.owner,
            money.format_amount(instrument.balance, instrument.currency)
            if instrument.balance
            else "",
        )
    )
    context = page_context(
        request, f"End the {noun} “{instrument}”?", parent=(str(instrument), page)
    ) | {
        "instrument": instrument,
        "person": person,
        "left": left,
        "submit": f"End the {noun}",
        "cancel": page,
    }
    return render(request, "people/spend/end.html", context)
