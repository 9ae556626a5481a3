"""IdP group mappings: which groups grant which roles, in drafts until they are applied."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Tenant
from people.operations.ranks import RankRefused
from people.operations.roles.group_mappings import MappingEffects
from people.values import PeopleError
from people.views.group_mappings import (
    RoleForm,
    author_of,
    changed_text,
    is_confirmed,
    preview_context,
)
from people.views.permissions import PersonRequest
from provisioning.directory import group_lookup
from provisioning.directory.newcomers import newcomers
from provisioning.group_roles import mappings
from provisioning.group_roles.preview_matches import matched
from provisioning.models import ExternalGroup, GroupMapping, IdentityProvider
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

GROUPS_OFFERED = 500


class MappingForm(RoleForm):
    group = forms.CharField(
        strip=False,
        widget=UnfoldAdminTextInputWidget(
            attrs={"list": "groups", "spellcheck": "false", "autocomplete": "off"}
        ),
        help_text="Exactly as at the provider. Case-sensitive.",
        error_messages={"required": str(mappings.InvalidGroup())},
    )
    # The name of the group that was chosen by its id in the directory.
    chosen_id = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    chosen_name = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)

    @property
    def group_name(self) -> str:
        """Return the name of the group chosen in the directory; blank if another one was typed."""
        is_chosen = self.cleaned_data["group"] == self.cleaned_data["chosen_id"]
        return str(self.cleaned_data["chosen_name"]) if is_chosen else ""


@tenant_admin_required
def group_mappings(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    providers = list(IdentityProvider.objects.kept().order_by("name_key"))
    wanted = request.GET.get("provider", "")
    chosen = next((one for one in providers if str(one.pk) == wanted), None)
    provider = chosen or (providers[0] if providers else None)
    if provider is None:
        context = tenant_context(request, tenant, "mappings")
        return render(request, "provisioning/tenant/group_mappings.html", context)
    form = MappingForm(
        request.POST if request.method == "POST" else None,
        initial={
            "group": request.GET.get("group", ""),
            "chosen_id": request.GET.get("group", ""),
            "chosen_name": request.GET.get("name", ""),
        },
        viewer=request.user,
    )
    if form.is_valid() and _draft(request, provider, form):
        return redirect(_page(tenant, provider))
    own = GroupMapping.objects.filter(provider=provider).select_related("role")
    rows = matched(provider, list(own.order_by("group_name", "pk")))
    found, problem = newcomers(provider, (row.mapping for row in rows))
    for row in rows:
        row.newcomers = found.get(row.mapping.pk)
    known = ExternalGroup.objects.filter(provider=provider).order_by("name", "pk")
    context = tenant_context(request, tenant, "mappings") | {
        "provider": provider,
        "directory_problem": problem,
        "providers": _choices(tenant, providers, provider),
        "form": form,
        "groups": list(known[:GROUPS_OFFERED]),
        "is_live": provider.browsing == IdentityProvider.Browsing.LIVE,
        "rows": rows,
        "draft_count": mappings.drafts_of(provider).count(),
    }
    return render(request, "provisioning/tenant/group_mappings.html", context)


@require_POST
@tenant_admin_required
def remove_mapping(request: PersonRequest, tenant: Tenant, mapping_id: int) -> HttpResponse:
    """Draft the removal of the mapping, or undo that."""
    mapping = get_object_or_404(GroupMapping.objects.select_related("provider"), pk=mapping_id)
    if mapping.draft == GroupMapping.Draft.REMOVED:
        mappings.cancel_removal(mapping, author=author_of(request.user))
    else:
        mappings.remove_draft(mapping, author=author_of(request.user))
    return redirect(_page(tenant, mapping.provider))


@require_POST
@tenant_admin_required
def discard_drafts(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    provider = get_object_or_404(IdentityProvider.objects.kept(), pk=provider_id)
    mappings.discard(provider)
    messages.success(request, "The drafts were discarded. Active mappings did not change.")
    return redirect(_page(tenant, provider))


@tenant_admin_required
def apply_drafts(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    """Preview the drafts; apply them if the preview has not changed since it was shown."""
    provider = get_object_or_404(IdentityProvider.objects.kept(), pk=provider_id)
    author = author_of(request.user)
    try:
        foreseen = mappings.preview(provider, author=author)
        if is_confirmed(request, foreseen):
            outcome = mappings.apply(provider, author=author)
            messages.success(request, _applied_text(outcome))
            return redirect(_page(tenant, provider))
    except (PeopleError, RankRefused) as error:
        if request.method == "POST" and isinstance(error, RankRefused):
            raise
        messages.error(request, str(error))
        return redirect(_page(tenant, provider))
    if not (foreseen.added or foreseen.removed):
        messages.info(request, "There are no drafts to apply.")
        return redirect(_page(tenant, provider))
    context = tenant_context(
        request, tenant, "mappings", f"Preview mapping changes for {provider}"
    ) | {
        "provider": provider,
        "back": _page(tenant, provider),
    }
    drafts = list(mappings.drafts_of(provider).filter(draft=GroupMapping.Draft.ADDED))
    found, problem = newcomers(provider, drafts)
    context |= preview_context(request, foreseen) | {
        "newcomers": [(mapping, found[mapping.pk]) for mapping in drafts if mapping.pk in found],
        "directory_problem": problem,
    }
    return render(request, "provisioning/tenant/apply_mapping.html", context)


def _draft(request: PersonRequest, provider: IdentityProvider, form: MappingForm) -> bool:
    """Draft the mapping, and tell whether that succeeded."""
    group, name = form.cleaned_data["group"], form.group_name
    try:
        if not name and (found := group_lookup.look_up(provider, group)):
            group, name = found.id, found.name
        mapping = mappings.add_draft(
            provider,
            group,
            form.chosen,
            author=author_of(request.user),
            name=name,
            is_owner_confirmed=form.confirms_owner,
        )
    except PeopleError as error:
        form.add_error(error.field, str(error))
        return False
    if mapping.draft:
        messages.success(request, f"Draft added: {mapping}. No roles change until you apply it.")
    else:
        messages.info(request, f"This mapping is already active: {mapping}.")
    return True


def _page(tenant: Tenant, provider: IdentityProvider) -> str:
    return f"{reverse('admin:mappings', args=[tenant.slug])}?provider={provider.pk}"


def _choices(
    tenant: Tenant, providers: list[IdentityProvider], chosen: IdentityProvider
) -> list[dict[str, Any]]:
    """Return the providers to choose from, if there are several, and which of them have drafts."""
    if len(providers) < 2:
        return []
    drafts = GroupMapping.objects.exclude(draft="").values_list("provider", flat=True)
    drafted = set(drafts)
    return [
        {
            "name": one.name,
            "link": _page(tenant, one),
            "is_chosen": one == chosen,
            "has_drafts": one.pk in drafted,
        }
        for one in providers
    ]


def _applied_text(effects: MappingEffects) -> str:
    now = changed_text(len(effects.changes))
    return (
        f"The mappings are active. {now} now. Roles of other people change at their next sign-in."
    )
