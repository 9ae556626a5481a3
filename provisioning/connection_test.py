"""“Test connection”: what works and what does not, step by step, and what to correct.

Nothing is changed, nobody is signed in, and no secret is shown.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from provisioning import kerberos
from provisioning.kerberos import KerberosFailed
from provisioning.ldap import client
from provisioning.ldap.connection import LdapFailed
from provisioning.models import IdentityProvider
from provisioning.net import circuit_breaker, safe_http
from provisioning.net.safe_http import OutboundError
from provisioning.oidc import discovery
from provisioning.providers import manage
from provisioning.providers.config import LdapSettings, OidcSettings, WindowsSettings, settings_of
from provisioning.providers.secrets import SecretLost

WEB_PORTS: Final = {"https": 443, "http": 80, "ldaps": 636, "ldap": 389}


@dataclass(frozen=True)
class Step:
    """A step of the test, and its result."""

    name: str
    is_ok: bool
    sentence: str


def steps(provider: IdentityProvider) -> Iterator[Step]:
    """Yield the steps of signing in through the provider, up to the first that fails."""
    check = CHECKS.get(provider.kind)
    try:
        yield from check(provider) if check else ()
    except (OutboundError, LdapFailed, KerberosFailed, SecretLost) as error:
        name = NAMES.get(getattr(error, "code", "secret-lost"), "Answer")
        yield Step(name, is_ok=False, sentence=str(error))


# Which step an error belongs to, by its code.
NAMES: Final = {
    **dict.fromkeys(("bad-url", "unresolvable", "address-refused", "not-https"), "Address"),
    **dict.fromkeys(("refused", "timeout", "unreachable", "broken", "resting"), "Connection"),
    **dict.fromkeys(("certificate", "no-tls", "tls-required"), "TLS"),
    **dict.fromkeys(("bind-refused", "secret-lost"), "Bind"),
    **dict.fromkeys(("no-base", "bad-filter", "too-many", "no-entry", "directory-error"), "Search"),
    **dict.fromkeys(("issuer-mismatch", "incomplete-discovery", "not-json", "not-ok"), "Discovery"),
    "keytab": "Keytab",
    "not-installed": "Installation",
}


def _openid(provider: IdentityProvider) -> Iterator[Step]:
    settings: OidcSettings = settings_of(provider)
    circuit_breaker.reset(safe_http.origin(settings.issuer))
    yield _address(settings.issuer)
    discovery.forget(settings.issuer)
    endpoints = discovery.endpoints_of(settings.issuer)
    yield Step("Connection", is_ok=True, sentence=f"{settings.issuer} responded.")
    yield Step("Discovery", is_ok=True, sentence="The discovery document names this issuer.")
    keys = safe_http.fetch_json(endpoints.jwks).get("keys")
    count = len(keys) if isinstance(keys, list) else 0
    sentence = (
        f"{count} keys published."
        if count
        else "No keys are published, so tokens cannot be verified."
    )
    yield Step("Keys", is_ok=count > 0, sentence=sentence)
    has_secret = bool(manage.secret_of(provider))
    yield Step(
        "Client secret",
        is_ok=has_secret,
        sentence="A client secret is set. The first sign-in shows whether it is correct."
        if has_secret
        else "No client secret is set. Enter the secret from the provider.",
    )
    yield _claims_seen(provider)


def _claims_seen(provider: IdentityProvider) -> Step:
    """Report the groups of the last sign-in; without a sign-in the claims are unknown."""
    identity = provider.identities.order_by("-last_seen_at").first()
    if identity is None:
        return Step(
            "Claims",
            is_ok=True,
            sentence="No claims have been seen, because nobody has signed in yet.",
        )
    if identity.groups_seen_at is None:
        claim = provider.settings.get("groups_claim", "memberOf")
        sentence = (
            f"The last sign-in did not include readable groups. Have the provider send “{claim}” "
            "to assign roles by group."
        )
        return Step("Claims", is_ok=False, sentence=sentence)
    count = identity.memberships.count()
    return Step("Claims", is_ok=True, sentence=f"The last sign-in included {count} groups.")


def _directory(provider: IdentityProvider) -> Iterator[Step]:
    settings: LdapSettings = settings_of(provider)
    yield _address(settings.uri)
    circuit_breaker.reset(settings.uri)
    with client.opened(settings, manage.secret_of(provider)) as directory:
        is_secured = settings.start_tls or settings.uri.startswith("ldaps:")
        yield Step("Connection", is_ok=True, sentence=f"{settings.uri} responded.")
        sentence = (
            "The certificate is valid." if is_secured else "No TLS. Passwords are sent unencrypted."
        )
        yield Step("TLS", is_ok=is_secured, sentence=sentence)
        who = settings.bind_dn or "anonymous"
        yield Step("Bind", is_ok=True, sentence=f"Bound as {who}.")
        yield from _searched(directory)


def _searched(directory: client.Directory) -> Iterator[Step]:
    sought = directory.settings.anybody
    found = directory.sample(sought)
    if found is None:
        sentence = f"No entry matches {sought} below “{directory.settings.base_dn}”."
        yield Step("Search", is_ok=False, sentence=f"{sentence} Check the base DN and the filter.")
        return
    yield Step("Search", is_ok=True, sentence=f"Found an entry, for example {found.dn}.")
    claims = directory.claims(found)
    missing = [name for name in ("subject", "email") if not getattr(claims, name)]
    sentence = f"{claims.given_name} {claims.family_name}, {claims.email}".strip(", ")
    if missing:
        sentence = (
            f"The entry has no {' and no '.join(missing)}. Set the attribute in the provider "
            "settings."
        )
    yield Step("Claims", is_ok=not missing, sentence=sentence)
    groups = claims.groups
    known = len(groups.known) if groups.known is not None else 0
    sentence = f"This person is in {known} groups." if groups.known is not None else groups.because
    yield Step("Groups", is_ok=groups.known is not None, sentence=sentence)


def _windows(provider: IdentityProvider) -> Iterator[Step]:
    if not kerberos.is_available():
        yield Step(
            "Installation", is_ok=False, sentence="Kerberos is not installed on this server."
        )
        return
    settings: WindowsSettings = settings_of(provider)
    kerberos.check_keytab(base64.b64decode(manage.secret_of(provider)))
    realms = ", ".join(settings.realms)
    yield Step(
        "Keytab", is_ok=True, sentence=f"The keytab is valid. Tickets from {realms} are accepted."
    )
    if not settings.directory:
        sentence = (
            "No directory is set. New people cannot be added, because a ticket contains no "
            "email address."
        )
        yield Step("Directory", is_ok=False, sentence=sentence)
        return
    try:
        directory = manage.provider_named(settings.directory)
    except IdentityProvider.DoesNotExist:
        sentence = f"There is no provider “{settings.directory}”. Select an LDAP provider."
        yield Step("Directory", is_ok=False, sentence=sentence)
        return
    yield Step("Directory", is_ok=True, sentence=f"{directory} supplies names and groups.")
    yield from _directory(directory)


def _address(url: str) -> Step:
    """Resolve the host name, which includes the check whether Ramp may connect to it."""
    parts = urlsplit(url)
    host = parts.hostname or url
    port = parts.port or WEB_PORTS.get(parts.scheme, 0)
    found = safe_http.resolve(host, port, may_be_plain=parts.scheme == "http")
    return Step("Address", is_ok=True, sentence=f"{host} resolves to {' and '.join(found)}.")


CHECKS: Final[dict[str, Callable[[IdentityProvider], Iterator[Step]]]] = {
    IdentityProvider.Kind.OIDC: _openid,
    IdentityProvider.Kind.LDAP: _directory,
    IdentityProvider.Kind.WINDOWS: _windows,
}
