"""What the search finds in sign-in: providers, their groups, and the pages of a tenant."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.http import urlencode

from people.presentation.search import (
    SHOWN_A_SECTION,
    ListedPage,
    SearchQuery,
    SearchResult,
    Section,
    matching_pages,
)
from provisioning.models import ExternalGroup, IdentityProvider

# More than any company has; it only limits the cost.
MAX_PROVIDERS = 100
SIGN_IN = "sso single sign-on login"
PAGES = tuple(
    ListedPage(title, f"admin:{name}", synonyms, section)
    for title, name, synonyms, section in (
        ("Provisioned members", "provisioned_members", "signed in identities", Section.PAGES),
        ("Internal users", "internal_users", "passwords contractors", Section.PAGES),
        ("Provider log", "provider_log", f"{SIGN_IN} sign-ins attempts failed", Section.PAGES),
        ("Company settings", "tenant_settings", "tenant name slug domain", Section.SETTINGS),
        (
            "Auth providers",
            "auth_providers",
            f"{SIGN_IN} oidc openid connect ldap active directory windows kerberos okta entra "
            "google authentication",
            Section.SETTINGS,
        ),
        (
            "Auth settings",
            "auth_settings",
            f"{SIGN_IN} default provider redirect passwords authentication",
            Section.SETTINGS,
        ),
        ("IdP group mappings", "mappings", "roles groups identity provider", Section.SETTINGS),
    )
)
CHANGE_PASSWORD = ListedPage("Change password", "admin:change_password", "account security")


def results(query: SearchQuery) -> Iterator[SearchResult]:
    slug = query.visitor.tenant.slug
    for provider in IdentityProvider.objects.kept().order_by("name_key")[:MAX_PROVIDERS]:
        kind = provider.get_kind_display()
        if query.matches(provider.name, kind, SIGN_IN):
            url = reverse("admin:auth_provider", args=[slug, provider.pk])
            yield SearchResult(Section.PROVIDERS, provider.name, url, kind)
    # The groups that sign-ins have sent lead to their mappings.
    groups = ExternalGroup.objects.filter(provider__removed_at=None, name__icontains=query.text)
    for group in groups.select_related("provider").order_by("name", "pk")[:SHOWN_A_SECTION]:
        chosen = {
            "provider": str(group.provider_id),
            "group": group.external_id,
            "name": group.name,
        }
        url = f"{reverse('admin:mappings', args=[slug])}?{urlencode(chosen)}"
        yield SearchResult(Section.GROUPS, group.name, url, f"Group at {group.provider}")
    yield from matching_pages(query, PAGES, url_of=lambda page: reverse(page.url_name, args=[slug]))
    yield from matching_pages(query, [CHANGE_PASSWORD])
