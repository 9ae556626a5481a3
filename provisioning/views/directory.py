"""Browsing a provider's directory: people, including those who have not signed in, and groups."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from people.models import Tenant
from people.net.time_limit import time_limit
from people.presentation.search_forms import PersonSearch
from people.views.permissions import PersonRequest
from provisioning.directory import Directory, DirectoryFailed, DirectoryPerson, directory_of
from provisioning.models import GroupMapping, Identity, IdentityProvider
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

TAB = "auth_providers"
# Groups of Keycloak may take many requests.
MAX_SECONDS = 12


class _DirectoryBrowser:
    """The provider whose directory is browsed, and the search."""

    def __init__(self, request: PersonRequest, tenant: Tenant, provider_id: UUID) -> None:
        kept = IdentityProvider.objects.kept().select_related("tenant")
        self.provider = get_object_or_404(kept, pk=provider_id)
        self.request, self.tenant = request, tenant
        self.form = PersonSearch(request.GET)
        self.text = self.form.value_of("q")
        self.after = request.GET.get("after", "")
        self.key = request.GET.get("id", "")

    def answer(self, template: str, title: str, query: Any) -> HttpResponse:
        """Show the result of `query`, or why the directory is not browsed or did not respond."""
        context = tenant_context(self.request, self.tenant, TAB, title) | {
            "provider": self.provider,
            "form": self.form,
            "is_searched": self.form.is_used,
            "back": reverse("admin:directory", args=[self.tenant.slug, self.provider.pk]),
        }
        try:
            with time_limit(MAX_SECONDS):
                found = directory_of(self.provider)
                context |= {"is_live": found.is_live, **query(found)} if found else {"is_off": True}
        except DirectoryFailed as error:
            context["problem"] = str(error)
        return render(self.request, f"provisioning/tenant/{template}.html", context)


@tenant_admin_required
def directory(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    browser = _DirectoryBrowser(request, tenant, provider_id)

    def query(found: Directory) -> dict[str, Any]:
        page = found.people(browser.text, browser.after)
        return {"page": page, "known": _known(browser.provider, page.items)}

    return browser.answer("directory", f"People at {browser.provider}", query)


@tenant_admin_required
def directory_groups(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    browser = _DirectoryBrowser(request, tenant, provider_id)
    browser.form.fields["q"].widget.attrs["placeholder"] = "Group name"
    return browser.answer(
        "directory_groups",
        f"Groups at {browser.provider}",
        lambda found: {"page": found.groups(browser.text, browser.after)},
    )


@tenant_admin_required
def directory_person(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    browser = _DirectoryBrowser(request, tenant, provider_id)

    def query(found: Directory) -> dict[str, Any]:
        person = found.person(browser.key)
        if person is None:
            raise Http404
        groups = found.groups_of(browser.key)
        keys = {group.id for group in groups or ()}
        return {
            "found": person,
            "groups": groups,
            "known": _known(browser.provider, [person]),
            "roles": _roles(browser.provider, keys),
        }

    return browser.answer("directory_person", f"Person at {browser.provider}", query)


@tenant_admin_required
def directory_group(request: PersonRequest, tenant: Tenant, provider_id: UUID) -> HttpResponse:
    browser = _DirectoryBrowser(request, tenant, provider_id)

    def query(found: Directory) -> dict[str, Any]:
        page = found.members(browser.key, browser.after)
        return {
            "page": page,
            "known": _known(browser.provider, page.items),
            "group": request.GET.get("name", browser.key),
            "group_id": browser.key,
            "roles": _roles(browser.provider, {browser.key}),
        }

    return browser.answer("directory_group", f"Group at {browser.provider}", query)


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
