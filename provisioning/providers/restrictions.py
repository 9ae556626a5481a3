"""Sign-in restrictions of a provider: email domains, organizations, a group, a claim.

Anyone can create an account at an open provider such as Google. Without a restriction such a
provider does not add people; people who are already linked to it can still sign in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final
from urllib.parse import urlsplit

from people.values import normalize_key
from provisioning.claims import Claims
from provisioning.models import IdentityProvider
from provisioning.providers.presets import PRESETS

# Issuer hosts at which anyone can create an account: the open presets, and providers without a
# preset.
OPEN_HOSTS: Final = frozenset(
    (
        *(urlsplit(one.issuer).netloc for one in PRESETS.values() if one.is_open),
        *("appleid.apple.com", "login.live.com", "gitlab.com"),
        *("github.com", "token.actions.githubusercontent.com", "slack.com", "discord.com"),
        *("www.facebook.com", "limited.facebook.com", "www.linkedin.com", "id.twitch.tv"),
        *("access.line.me", "api.login.yahoo.com", "www.paypal.com", "login.salesforce.com"),
    )
)
MICROSOFT: Final = (
    *("login.microsoftonline.com", "sts.windows.net"),
    *("login.microsoftonline.us", "login.partner.microsoftonline.cn"),
)
# Entra's issuers at which accounts of several organizations sign in.
SHARED_DIRECTORIES: Final = ("common", "organizations")
# Entra's endpoints for every organization; the last is the directory of personal accounts.
OPEN_DIRECTORIES: Final = (
    *(*SHARED_DIRECTORIES, "consumers"),
    "9188040d-6c67-4c5b-b112-36a304b66dad",
)


@dataclass(frozen=True, kw_only=True)
class Restrictions:
    """The restrictions of a provider. All of them must be met; of a list, one value."""

    email_domains: list[str] = field(default_factory=list)
    # `hd` of Google: the domain of the organization that manages the account.
    hosted_domains: list[str] = field(default_factory=list)
    # `tid` of Entra: the id of the directory that the account belongs to.
    entra_tenants: list[str] = field(default_factory=list)
    # The id of a group, as mappings compare it.
    required_group: str = ""
    # As in “department=Sales”.
    required_claim: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))


LISTS: Final = ("email_domains", "hosted_domains", "entra_tenants")
TEXTS: Final = ("required_group", "required_claim")


def restrictions_of(provider: IdentityProvider) -> Restrictions:
    return Restrictions(**provider.admission)


def is_open(kind: str, settings: Mapping[str, Any]) -> bool:
    """Tell whether anyone can create an account at the issuer."""
    if kind != IdentityProvider.Kind.OIDC:
        return False
    parts = urlsplit(str(settings.get("issuer", "")).strip().casefold())
    if parts.hostname in MICROSOFT:
        return parts.path.strip("/").partition("/")[0] in OPEN_DIRECTORIES
    return parts.hostname in OPEN_HOSTS


def is_shared(settings: Mapping[str, Any]) -> bool:
    """Tell whether every organization signs in at the issuer, each with an issuer of its own.

    Such an organization controls its groups, claims and addresses. Only its id proves anything.
    """
    path = urlsplit(str(settings.get("issuer", "")).strip()).path
    return any(f"/{name}/" in path for name in SHARED_DIRECTORIES)


def lacks_restriction(provider: IdentityProvider) -> bool:
    """Tell whether the provider needs a restriction that is not set, so that it adds nobody."""
    restrictions = restrictions_of(provider)
    if is_shared(provider.settings):
        return not restrictions.entra_tenants
    return is_open(provider.kind, provider.settings) and not restrictions


def unmet_restrictions(provider: IdentityProvider, claims: Claims) -> Iterator[str]:
    """Yield a sentence for the administrator about each restriction that the claims do not meet."""
    restrictions = restrictions_of(provider)
    if restrictions.email_domains:
        yield from _unmet_domain(provider, restrictions, claims)
    for claim, allowed in (
        ("hd", restrictions.hosted_domains),
        ("tid", restrictions.entra_tenants),
    ):
        value = claims.text_claims.get(claim, "")
        if allowed and normalize_key(value) not in map(normalize_key, allowed):
            yield f"The claim “{claim}” is “{value}”. Allowed: {_listed(allowed)}."
    group, groups = restrictions.required_group, claims.groups
    if group and groups.known is None:
        because = groups.because or "the provider did not send groups"
        yield f"The group “{group}” is required, but {because}."
    elif group and not any(group in (one.id, one.dn) for one in groups.known or ()):
        yield f"The person is not in the required group “{group}”."
    name, _, required = (part.strip() for part in restrictions.required_claim.partition("="))
    if name and claims.text_claims.get(name) != required:
        value = claims.text_claims.get(name, "")
        yield f"The claim “{name}” is “{value}”, but must be “{required}”."


def _unmet_domain(
    provider: IdentityProvider, restrictions: Restrictions, claims: Claims
) -> Iterator[str]:
    local, _, domain = claims.email.rpartition("@")
    if not local or normalize_key(domain) not in map(normalize_key, restrictions.email_domains):
        allowed = _listed(restrictions.email_domains)
        yield (
            f"The email address “{claims.email}” is not in an allowed domain. Allowed: {allowed}."
        )
    # At an open provider anyone can claim any address that it has not verified.
    needs_proof = is_open(provider.kind, provider.settings)
    if claims.is_email_verified is False or (needs_proof and not claims.is_email_verified):
        yield (
            f"{provider.name} has not verified the email address “{claims.email}”, so its domain "
            "does not count. Have it verified there, or restrict by a group or claim instead."
        )


def _listed(values: list[str]) -> str:
    return " or ".join(f"“{value}”" for value in values)
