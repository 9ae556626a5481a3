"""Signing in with the ticket that Windows gave the browser."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from provisioning import journal, kerberos, ldap, providers
from provisioning.claims import Claims, Groups
from provisioning.definitions import WindowsSettings, settings_of
from provisioning.journal import Outcome
from provisioning.kerberos import Accepted, KerberosFailed
from provisioning.ldap_connection import LdapFailed
from provisioning.models import IdentityProvider
from provisioning.pages.arriving import arrive, turned_away
from provisioning.pages.signing_in import page
from provisioning.secrets import SecretLost

ANOTHER_WAY: Final = "Sign in another way, or ask your administrator."
NTLM: Final = (
    "Your browser offered NTLM, which is not safe and not taken here. Sign in to Windows with "
    "your company account, on its network, and try again. Otherwise sign in another way."
)
UNAVAILABLE: Final = f"Windows sign-in is not installed on this server. {ANOTHER_WAY}"
REFUSED: Final = (
    "Windows could not tell us who you are. Lock and unlock your computer to get a new ticket, "
    "and try again. If it stays so, tell your administrator: the provider log says what to correct."
)

DISABLED_CODE: Final = "account-disabled"
SAID: Final = {
    "ntlm": NTLM,
    DISABLED_CODE: "Your company's directory has your account as disabled. Ask your administrator.",
}


def begin(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
    """Ask the browser for a ticket, and let in whom it names.

    The challenge's body is the sign-in page, for browsers that have none.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if not kerberos.is_available():
        return turned_away(request, provider.tenant, UNAVAILABLE, status=503)
    token = _token(request)
    if token is None:
        return _challenge(request, provider)
    try:
        accepted = _accepted(provider, token)
        claims = _claims(provider, accepted)
    except (KerberosFailed, LdapFailed, SecretLost) as error:
        return _failed(request, provider, error)
    response = arrive(request, provider, claims)
    if accepted.answer:
        answer = base64.b64encode(accepted.answer).decode()
        response["WWW-Authenticate"] = f"Negotiate {answer}"
    return response


def _token(request: HttpRequest) -> bytes | None:
    """Return what the browser sent; blank if that is nothing we can read."""
    scheme, _, said = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "negotiate":
        return None
    try:
        return base64.b64decode(said.strip(), validate=True)
    except ValueError:
        return b""


def _accepted(provider: IdentityProvider, token: bytes) -> Accepted:
    said: WindowsSettings = settings_of(provider)
    served = settings.TLS_CERTIFICATE
    return kerberos.accept(
        token,
        keytab=base64.b64decode(providers.secret_of(provider)),
        realms=said.realms,
        certificate=Path(served).read_bytes() if served else b"",
    )


def _claims(provider: IdentityProvider, accepted: Accepted) -> Claims:
    """Return what the directory knows about them; where it cannot say, only who they are.

    :raises LdapFailed: if it has them as disabled; a ticket lives on for hours.
    """
    said: WindowsSettings = settings_of(provider)
    if not said.directory:
        return _only(accepted, "no directory is named that knows these people")
    try:
        found = _found(said.directory, accepted.login)
    except (LdapFailed, SecretLost) as error:
        code = getattr(error, "code", "secret-lost")
        if code == DISABLED_CODE:
            raise
        journal.note(
            Outcome.FAILED, provider, subject=accepted.principal, reason=code, detail=str(error)
        )
        return _only(accepted, str(error))
    told = {**found.said, "principal": accepted.principal}
    return replace(found, subject=accepted.principal, said=told)


def _only(accepted: Accepted, because: str) -> Claims:
    return Claims(
        subject=accepted.principal,
        groups=Groups(because=because.rstrip(".")),
        said={"principal": accepted.principal},
    )


def _found(name: str, login: str) -> Claims:
    try:
        directory = providers.provider_named(name)
    except IdentityProvider.DoesNotExist:
        raise LdapFailed("no-directory", f"There is no provider “{name}”.") from None
    if directory.kind != IdentityProvider.Kind.LDAP:
        raise LdapFailed("no-directory", f"“{name}” is no LDAP provider.")
    return ldap.look_up(settings_of(directory), providers.secret_of(directory), login)


def _challenge(request: HttpRequest, provider: IdentityProvider, said: str = "") -> HttpResponse:
    response = page(request, provider.tenant, status=401, said=said)
    response["WWW-Authenticate"] = "Negotiate"
    return response


def _failed(request: HttpRequest, provider: IdentityProvider, error: Exception) -> HttpResponse:
    code = getattr(error, "code", "secret-lost")
    journal.note(Outcome.FAILED, provider, reason=code, detail=str(error))
    return _challenge(request, provider, SAID.get(code, REFUSED))
