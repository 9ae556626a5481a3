"""Signing in with the ticket that Windows gave the browser."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from people.secrets import SecretLost
from provisioning import kerberos
from provisioning.claims import Claims, Groups
from provisioning.kerberos import Accepted, KerberosFailed
from provisioning.ldap import client
from provisioning.ldap.connection import AccountRefused, LdapFailed
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import WindowsSettings, settings_of
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.identity_lookup import person_with_subject
from provisioning.views.sign_in.finish import finish_sign_in, sign_in_refused
from provisioning.views.sign_in.login import page

ANOTHER_WAY: Final = "Sign in another way, or ask your administrator."
NTLM: Final = (
    "Your browser offered NTLM, which is not secure and not accepted here. Sign in to Windows "
    "with your company account on the company network and try again. Otherwise sign in another "
    "way."
)
UNAVAILABLE: Final = f"Windows sign-in is not installed on this server. {ANOTHER_WAY}"
REFUSED: Final = (
    "Windows could not identify you. Lock and unlock your computer to get a new ticket, and try "
    "again. If the problem continues, contact your administrator. The provider log says what to "
    "correct."
)

ASK: Final = "Ask your administrator."
MESSAGES: Final = {
    "ntlm": NTLM,
    "account-disabled": f"Your company's directory has disabled your account. {ASK}",
    "account-expired": f"Your account in your company's directory has expired. {ASK}",
    "account-outside": (
        "Your account is not allowed to sign in here. Ask your administrator to allow it."
    ),
    "account-unknown": f"Your account no longer exists in your company's directory. {ASK}",
    "account-replaced": (
        "Your user name now belongs to a different account. Lock and unlock your computer, "
        "and try again."
    ),
    "ambiguous": f"Your company's directory has several accounts with your user name. {ASK}",
}


def begin(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
    """Ask the browser for a ticket, and sign in the person it identifies.

    The challenge's body is the sign-in page, for browsers that have none.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if not kerberos.is_available():
        return sign_in_refused(request, provider.tenant, UNAVAILABLE, status=503)
    token = _token(request)
    if token is None:
        return _challenge(request, provider)
    principal = ""
    try:
        config: WindowsSettings = settings_of(provider)
        served = settings.TLS_CERTIFICATE
        accepted = kerberos.accept(
            token,
            keytab=base64.b64decode(manage.secret_of(provider)),
            realms=config.realms,
            certificate=Path(served).read_bytes() if served else b"",
        )
        principal = accepted.principal
        claims = _claims(provider, accepted)
    except (KerberosFailed, LdapFailed, SecretLost) as error:
        return _failure_response(request, provider, error, subject=principal)
    response = finish_sign_in(request, provider, claims)
    # RFC 4559: the server's token lets the browser authenticate the server too.
    if accepted.answer:
        answer = base64.b64encode(accepted.answer).decode()
        response["WWW-Authenticate"] = f"Negotiate {answer}"
    return response


def _token(request: HttpRequest) -> bytes | None:
    """Return the token that the browser sent; None without one, blank if it is not base64."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "negotiate":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return b""


def _claims(provider: IdentityProvider, accepted: Accepted) -> Claims:
    """Return the claims from the directory, or only the principal if it is not available.

    :raises AccountRefused: if the account may not sign in. A ticket stays valid for hours after an
        account was disabled, so the directory decides.
    """
    config: WindowsSettings = settings_of(provider)
    if not config.directory:
        return _claims_from_ticket(accepted, "no directory is configured for these people")
    try:
        found = _look_up(config.directory, accepted)
    except AccountRefused:
        raise
    except (LdapFailed, SecretLost) as error:
        code = getattr(error, "code", "secret-lost")
        attempt_log.log_attempt(
            Outcome.FAILED, provider, subject=accepted.principal, reason=code, detail=str(error)
        )
        return replace(_claims_from_ticket(accepted, str(error)), is_unconfirmed=True)
    raw = {**found.text_claims, "principal": accepted.principal}
    return replace(found, account=accepted.account, principal=accepted.principal, text_claims=raw)


def _claims_from_ticket(accepted: Accepted, because: str) -> Claims:
    return Claims(
        subject=accepted.principal,
        account=accepted.account,
        principal=accepted.principal,
        groups=Groups(because=because.rstrip(".")),
        text_claims={"principal": accepted.principal},
    )


def _look_up(name: str, accepted: Accepted) -> Claims:
    try:
        directory = manage.provider_named(name)
    except IdentityProvider.DoesNotExist:
        raise LdapFailed("no-directory", f"There is no provider “{name}”.") from None
    if directory.kind != IdentityProvider.Kind.LDAP:
        raise LdapFailed("no-directory", f"“{name}” is not an LDAP provider.")
    return client.look_up(
        settings_of(directory),
        manage.secret_of(directory),
        accepted.login,
        realm=accepted.principal.rpartition("@")[2],
        relative_id=accepted.relative_id,
    )


def _challenge(request: HttpRequest, provider: IdentityProvider, message: str = "") -> HttpResponse:
    response = page(request, provider.tenant, status=401, message=message)
    response["WWW-Authenticate"] = "Negotiate"
    return response


def _failure_response(
    request: HttpRequest, provider: IdentityProvider, error: Exception, *, subject: str
) -> HttpResponse:
    code = getattr(error, "code", "secret-lost")
    outcome = Outcome.REFUSED if isinstance(error, AccountRefused) else Outcome.FAILED
    account = getattr(error, "account", None)
    named = f" The ticket is for “{subject}”, which is {account.dn}." if account else ""
    attempt_log.log_attempt(
        outcome,
        provider,
        person=person_with_subject(provider, account.subject) if account else None,
        subject=subject,
        email=(account.email or account.login) if account else "",
        reason=code,
        detail=f"{error}{named}",
    )
    return _challenge(request, provider, MESSAGES.get(code, REFUSED))
