"""The page that confirms which rows of a list are applied."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from people.models import Comparison
from people.models.bulk_changes import UNDO_DAYS
from people.operations.comparison import requests
from people.operations.comparison.requests import ManyDeactivations
from people.values import PeopleError
from people.views.compare.result import totals_of
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required


class ConfirmForm(forms.Form):
    """Asks for the number of deactivations, if they are more than the alert threshold."""

    confirmed = forms.IntegerField(
        label="How many people will be deactivated?",
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"autocomplete": "off"}),
    )


@administrator_required
def apply(request: PersonRequest, comparison_id: UUID) -> HttpResponse:
    comparison = get_object_or_404(Comparison.objects.defer("content"), pk=comparison_id)
    here = reverse("admin:comparison", args=[comparison.pk])
    if not comparison.may_be_applied:
        return redirect(here)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        confirmed = form.cleaned_data["confirmed"]
        try:
            requests.request_apply(comparison, actor=request.user.actor, confirmed=confirmed)
        except ManyDeactivations as error:
            form.add_error("confirmed", str(error))
        except PeopleError as error:
            messages.error(request, str(error))
            return redirect(here)
        else:
            return redirect(here)
    totals = totals_of(comparison)
    if not totals.selected_count:
        messages.error(request, str(requests.NothingSelected()))
        return redirect(here)
    context = page_context(request, "Apply the selection?", parent=(comparison.file_name, here)) | {
        "comparison": comparison,
        "totals": totals,
        "many": requests.deactivations_to_confirm(comparison),
        "form": form,
        "cancel": here,
        "undo_days": UNDO_DAYS,
    }
    return render(request, "people/compare/apply.html", context)
