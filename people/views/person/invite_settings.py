"""The page for the expiry of manual invites."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from people.operations import tenants
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required


class InviteSettingsForm(forms.Form):
    days = forms.IntegerField(
        label="Days until an invite expires",
        min_value=1,
        max_value=365,
        help_text="Applies to invites sent manually from now on. Invites from an identity "
        "provider expire after 90 days.",
        widget=UnfoldAdminIntegerFieldWidget,
    )


@administrator_required
def invite_settings(request: PersonRequest) -> HttpResponse:
    tenant = request.user.tenant
    initial = {"days": tenant.manual_invite_days}
    form = InviteSettingsForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        tenants.set_invite_life(tenant, form.cleaned_data["days"], actor=request.user.actor)
        messages.success(request, f"New invites now expire in {form.cleaned_data['days']} days.")
        return redirect("admin:invite_settings")
    people = reverse("admin:people_person_changelist")
    context = page_context(request, "Invites", parent=("People", people)) | {
        "form": form,
        "submit": "Save",
        "cancel": people,
    }
    return render(request, "people/person/invite_settings.html", context)
