"""“Test connection”: what works and what does not, step by step, and what to correct.

Nothing is changed, nobody is signed in, and no secret is shown.
"""

from collections.abc import Callable, Iterator
from typing import Final

from people.net import circuit_breaker, safe_http
from people.net.safe_http import OutboundError
from people.secrets import SecretLost
from provisioning.connection_test.ldap_steps import directory_steps
from provisioning.connection_test.step import Step, address_step
from provisioning.connection_test.windows_steps import windows_steps
from provisioning.kerberos import KerberosFailed
from provisioning.ldap.connection import LdapFailed
from provisioning.models import IdentityProvider
from provisioning.oidc import discovery
from provisioning.providers import manage
from provisioning.providers.config import OidcSettings, settings_of


def steps(provider: IdentityProvider, login: str = "") -> Iterator[Step]:
    """Yield the steps of signing in through the provider, up to the first that fails.

    :param login: the login name of a person in an LDAP directory. The steps include this person.
    """
    check = CHECKS.get(provider.kind)
    try:
        yield from check(provider, login) if check else ()
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


def _openid(provider: IdentityProvider, _: str) -> Iterator[Step]:
    settings: OidcSettings = settings_of(provider)
    # The test must not depend on earlier failures, nor on the cached discovery document.
    circuit_breaker.reset(safe_http.origin(settings.issuer))
    yield address_step(settings.issuer)
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


CHECKS: Final[dict[str, Callable[[IdentityProvider, str], Iterator[Step]]]] = {
    IdentityProvider.Kind.OIDC: _openid,
    IdentityProvider.Kind.LDAP: directory_steps,
    IdentityProvider.Kind.WINDOWS: windows_steps,
}
