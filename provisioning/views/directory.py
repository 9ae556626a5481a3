"""Browsing a provider's directory: people, including those who have not signed in, and groups."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from people.models import Tenant
from people.presentation.search_forms import PersonSearch
from people.views.permissions import PersonRequest
from provisioning.directory import Directory, DirectoryFailed, DirectoryPerson, directory_of
from provisioning.models import GroupMapping, Identity, IdentityProvider
from provisioning.views.tenant_base import frame, tenant_admin_required

TAB = "auth_providers"


class _Asked:
    """The provider whose directory is browsed, and the search."""

    def __init__(self, request: PersonRequest, tenant: Tenant, provider_id: UUID) -> None:
        kept = IdentityProvider.objects.kept().select_related("tenant")
        self.provider = get_object_or_404(kept, pk=provider_id)
        self.request, self.tenant = request, tenant
        self.form = PersonSearch(request.GET)
        self.text = self.form.asked("q")
        self.after = request.GET.get("after", "")
        self.key = request.GET.get("id", "")

    def answer(self, template: str, title: str, ask: Any) -> HttpResponse:
        """Show the result of `ask`, or why the directory is not browsed or did not respond."""
        context = frame(self.request, self.tenant, TAB, title) | {
            "provider": self.provider,
            "form": self.form,
            "is_searched": self.form.is_used,
            "back": reverse("admin:directory", args=[self.tenant.slug, self.provider.pk]),
        }
        try:
            found = directory_of(self.provider)
            context |= {"is_live": found.is_live, **ask(found)} if found else {"is_off": True}
        except DirectoryFailed as error:
            context["problem"] = str(error)
        return render(self.request, f"provisioning/tenant/{template}.html", context)


@tenant_admin_required
def directory(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    asked = _Asked(request, tenant, provider_id)

    def ask(found: Directory) -> dict[str, Any]:
        page = found.people(asked.text, asked.after)
        return {"page": page, "known": _known(asked.provider, page.items)}

    return asked.answer("directory", f"People at {asked.provider}", ask)


@tenant_admin_required
def directory_groups(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    asked = _Asked(request, tenant, provider_id)
    asked.form.fields["q"].widget.attrs["placeholder"] = "Group name"
    return asked.answer(
        "directory_groups",
        f"Groups at {asked.provider}",
        lambda found: {"page": found.groups(asked.text, asked.after)},
    )


@tenant_admin_required
def directory_person(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    asked = _Asked(request, tenant, provider_id)

    def ask(found: Directory) -> dict[str, Any]:
        person = found.person(asked.key)
        if person is None:
            raise Http404
        groups = found.groups_of(asked.key)
        keys = {group.id for group in groups or ()}
        return {
            "found": person,
            "groups": groups,
            "known": _known(asked.provider, [person]),
            "roles": _roles(asked.provider, keys),
        }

    return asked.answer("directory_person", f"Person at {asked.provider}", ask)


@tenant_admin_required
def directory_group(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    asked = _Asked(request, tenant, provider_id)

    def ask(found: Directory) -> dict[str, Any]:
        page = found.members(asked.key, asked.after)
        return {
            "page": page,
            "known": _known(asked.provider, page.items),
            "group": request.GET.get("name", asked.key),
            "group_id": asked.key,
            "roles": _roles(asked.provider, {asked.key}),
        }

    return asked.answer("directory_group", f"Group at {asked.provider}", ask)


def _known(provider: IdentityProvider, found: list[DirectoryPerson]) -> dict[str, int]:
    """Return the identities of people who have signed in: key by the id at the provider."""
    subjects = {one.subject or one.id: one.id for one in found}
    identities = Identity.objects.filter(provider=provider, subject__in=subjects, retired_at=None)
    known = identities.values_list("subject", "pk")
    return {subjects[subject]: key for subject, key in known}


def _roles(provider: IdentityProvider, keys: set[str]) -> list[GroupMapping]:
    """Return the active mappings of groups with these ids."""
    in_force = GroupMapping.objects.in_force().filter(provider=provider, external_id__in=keys)
    return list(in_force.select_related("role", "provider").order_by("group_name", "pk"))
