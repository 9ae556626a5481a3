"""Linking one refused sign-in to its person, and moving everybody to another provider."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from people.models import Tenant
from people.operations import ranks
from people.presentation.times import day_text
from people.values import PeopleError
from people.views.permissions import PersonRequest
from people.views.reauthentication import requires_recent_authentication
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.sign_in import confirmed_links, provider_transfers
from provisioning.views.auth_providers import TAB, kept_provider
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

PEOPLE_SHOWN = 200


class SourceForm(forms.Form):
    """Choose the provider that people move from."""

    def __init__(self, sources: list[IdentityProvider], chosen: IdentityProvider | None) -> None:
        super().__init__(initial={"from": chosen and str(chosen.pk)})
        choices = []
        for one in sources:
            removed = f" (removed on {day_text(one.removed_at)})" if one.removed_at else ""
            choices.append((str(one.pk), f"{one}{removed}"))
        self.fields["from"] = forms.ChoiceField(
            label="Move people from", choices=choices, widget=UnfoldAdminSelectWidget
        )


@tenant_admin_required
@requires_recent_authentication
def confirm_same_person(request: PersonRequest, tenant: Tenant, attempt_id: int) -> HttpResponse:
    """Show a refused sign-in and its person, and link them."""
    attempts = SignInAttempt.objects.filter(person__isnull=False, provider__isnull=False)
    attempt = get_object_or_404(attempts.select_related("provider", "person"), pk=attempt_id)
    person, provider = attempt.person, attempt.provider
    assert person
    assert provider
    if request.method == "POST":
        try:
            confirmed_links.confirm_attempt(attempt, actor=request.user.actor)
        except PeopleError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{person.full_name} can sign in through {provider}.")
        return redirect("admin:people_person_change", person.pk)
    current = Identity.objects.filter(provider=provider, person=person, retired_at=None)
    context = tenant_context(request, tenant, "provider_log", f"Is this {person.full_name}?") | {
        "attempt": attempt,
        "person": person,
        "provider": provider,
        "replaced": current.first(),
        "is_linkable": bool(confirmed_links.linkable_among([attempt])),
        "refusal": ranks.refusal_over(request.user, person),
        "back": reverse("admin:provider_log", args=[tenant.slug]),
    }
    return render(request, "provisioning/tenant/confirm_same_person.html", context)


@tenant_admin_required
@requires_recent_authentication
def transfer_people(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    """Preview moving everybody from another provider to this one, and move them."""
    new = kept_provider(tenant, provider_id)
    sources = provider_transfers.sources_for(new)
    chosen = request.POST.get("from", "") or request.GET.get("from", "")
    old = next((one for one in sources if str(one.pk) == chosen), None)
    if old is None and len(sources) == 1:
        [old] = sources
    if request.method == "POST" and old is not None:
        if _is_moved(request, old, new):
            return redirect("admin:auth_provider", tenant.slug, new.pk)
        return redirect(f"{request.path}?from={old.pk}")
    context = tenant_context(request, tenant, TAB, f"Move people to {new}") | {
        "provider": new,
        "sources": sources,
        "form": SourceForm(sources, old),
        "old": old,
        "back": reverse("admin:auth_provider", args=[tenant.slug, new.pk]),
        "shown": PEOPLE_SHOWN,
    }
    if old is not None:
        transfer = provider_transfers.preview(old, new, viewer=request.user)
        context |= {
            "transfer": transfer,
            "moving": transfer.moving[:PEOPLE_SHOWN],
            "staying": transfer.staying[:PEOPLE_SHOWN],
        }
    return render(request, "provisioning/tenant/transfer_people.html", context)


def _is_moved(request: PersonRequest, old: IdentityProvider, new: IdentityProvider) -> bool:
    try:
        count = provider_transfers.move_everybody(
            old,
            new,
            seen=request.POST.get("seen", ""),
            viewer=request.user,
            actor=request.user.actor,
        )
    except PeopleError as error:
        messages.error(request, str(error))
        return False
    people = "1 person now signs" if count == 1 else f"{count} people now sign"
    messages.success(request, f"{people} in through {new} and no longer through {old}.")
    return True
