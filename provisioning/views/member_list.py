"""Provisioned members: people who signed in through an identity provider."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from people.models import Person, Tenant
from people.presentation.page_links import BoundedPaginator
from people.presentation.search_forms import PersonSearch, choice
from people.views.permissions import PersonRequest
from provisioning.models import Identity, IdentityProvider
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

ROWS_A_PAGE = 50
State = Person.State


class MemberSearch(PersonSearch):
    provider = choice("Provider", [], otherwise="Any provider")
    status = choice(
        "Status",
        [(state.value, state.label) for state in (State.ACTIVE, State.INACTIVE, State.TERMINATED)],
        otherwise="Active and inactive",
    )

    def __init__(self, data: Any, providers: list[IdentityProvider]) -> None:
        super().__init__(data)
        self.fields["provider"].choices += [  # type: ignore[attr-defined]
            (str(one.pk), f"{one} (removed)" if one.removed_at else str(one)) for one in providers
        ]


@tenant_admin_required
def provisioned_members(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    providers = list(IdentityProvider.objects.order_by("removed_at", "name_key"))
    form = MemberSearch(request.GET, providers)
    members = Identity.objects.select_related("person", "provider")
    if status := form.value_of("status"):
        members = members.filter(person__state=status)
    else:
        members = members.exclude(person__state=State.TERMINATED)
    if form.value_of("provider"):
        members = members.filter(provider__pk=UUID(form.value_of("provider")))
    if form.value_of("q"):
        members = members.filter(person__in=Person.objects.matching(form.value_of("q")))
    rows = members.order_by("-first_seen_at", "-pk")
    page = BoundedPaginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    kept = [one for one in providers if not one.removed_at]
    context = tenant_context(request, tenant, "provisioned_members") | {
        "form": form,
        "is_searched": form.is_used,
        "page": page,
        "members": list(page),
        "providers": kept,
        "is_all_browsed": kept and all(one.browsing == one.Browsing.LIVE for one in kept),
    }
    return render(request, "provisioning/tenant/members.html", context)
