"""Connections to directories: to a checked address, over TLS, with timeouts, without referrals.

python-ldap's errors are converted to messages that say what to correct. python-ldap is optional;
`is_available` tells whether it is installed.
"""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from people.net import circuit_breaker, safe_http
from people.net.circuit_breaker import CircuitOpen
from people.net.safe_http import OutboundError
from provisioning.ldap import starttls
from provisioning.ldap.entry import Account
from provisioning.providers.config import LdapSettings

try:
    import ldap
except ImportError:  # `make setup` skips it where it cannot be built.
    ldap = None

SECONDS: Final = starttls.SECONDS
# The errors of one server because of which the next one is tried.
AWAY: Final = ("unreachable", "timeout", "unresolvable", "certificate", "no-tls")


class LdapFailed(Exception):
    """The directory could not identify the person. The message is for the provider log."""

    # Whose entry was found, if one was.
    account: Account | None = None

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WrongPassword(LdapFailed):
    """The login name or the password is wrong. Only the log says which."""


class AccountRefused(LdapFailed):
    """The account exists but may not sign in."""


class Unreachable(LdapFailed):
    """The directory does not respond. Several of these errors open the circuit breaker."""


def is_available() -> bool:
    """Tell whether python-ldap is installed."""
    return ldap is not None


def connected(settings: LdapSettings) -> Any:
    """Return a connection to a checked address, over TLS if the settings say so.

    :raises LdapFailed: if Ramp may not connect to the address, or if TLS fails.
    """
    try:
        parts = urlsplit(settings.uri)
        is_usable = parts.scheme in ("ldap", "ldaps") and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise LdapFailed(
            "bad-url",
            f"“{settings.uri}” is not a valid address. Enter one such as "
            "ldaps://ldap.example.com:636.",
        )
    host, is_ldaps = parts.hostname or "", parts.scheme == "ldaps"
    port = parts.port or (636 if is_ldaps else 389)
    try:
        is_plain = not (is_ldaps or settings.start_tls)
        reached = safe_http.connect(host, port, seconds=SECONDS, may_be_plain=is_plain)
    except OutboundError as error:
        raise LdapFailed(error.code, str(error)) from error
    except OSError as error:
        raise Unreachable(
            "unreachable",
            f"{settings.uri} does not accept connections: {error.strerror or 'timed out'}.",
        ) from error
    return _libldap_connection(reached if is_plain else _secured(settings, reached, host))


@contextmanager
def bound(settings: LdapSettings, password: str) -> Iterator[tuple[Any, LdapSettings]]:
    """Connect to the first server that works, and bind as the service account.

    :yields: the connection, and the settings with this server alone.
    :raises LdapFailed: if no server works, or the one that does refuses the service account.
    """
    first, *others = settings.servers
    alone, is_bound = replace(settings, uri=first), False
    try:
        with circuit_breaker.circuit(first, Unreachable), explained(alone):
            connection = connected(alone)
            try:
                bind(connection, alone, password)
                is_bound = True
                yield connection, alone
            finally:
                # It fails if the server has closed the connection, which is then closed anyway.
                with suppress(ldap.LDAPError):
                    connection.unbind_ext_s()
    except CircuitOpen as error:
        if not others:
            raise Unreachable(
                "unreachable", f"{first} did not respond recently. Ramp tries again soon."
            ) from error
    except LdapFailed as error:
        if is_bound or not others or error.code not in AWAY:
            raise
    if is_bound:
        return
    with bound(replace(settings, uri=" ".join(others)), password) as found:
        yield found


def bind(connection: Any, settings: LdapSettings, password: str) -> None:
    """Bind as the service account, or anonymously without a bind DN.

    :raises LdapFailed: if the directory refuses the bind.
    """
    if settings.bind_dn and not password:
        raise LdapFailed(
            "bind-refused", "A bind DN is set, but no bind password. Enter the bind password."
        )
    try:
        connection.simple_bind_s(settings.bind_dn, password)
    except (ldap.INVALID_CREDENTIALS, ldap.INVALID_DN_SYNTAX, ldap.NO_SUCH_OBJECT) as error:
        raise LdapFailed(
            "bind-refused",
            f"{settings.uri} rejected the bind DN “{settings.bind_dn}” or its password. "
            "Enter both again.",
        ) from error


def _secured(settings: LdapSettings, reached: socket.socket, host: str) -> socket.socket:
    """Start TLS, directly or with StartTLS, and check the certificate's host name."""
    try:
        if settings.start_tls:
            starttls.start(reached)
        return starttls.secured(reached, host.rstrip("."))
    except starttls.StartTlsRefused as error:
        raise LdapFailed(
            "no-tls",
            f"{settings.uri} does not accept StartTLS. Use ldaps://, or turn on StartTLS on "
            "the server.",
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise LdapFailed(
            "certificate",
            f"The certificate of {settings.uri} is not valid: {error.verify_message.rstrip('.')}.",
        ) from error
    except TimeoutError as error:
        raise Unreachable(
            "timeout",
            f"{settings.uri} did not complete the TLS handshake within {SECONDS} seconds.",
        ) from error
    except OSError as error:
        raise LdapFailed(
            "no-tls",
            f"{settings.uri} does not support TLS on this port: {error.strerror or error}.",
        ) from error


def _libldap_connection(reached: socket.socket) -> Any:
    """Return a libldap connection over a socket that is already connected."""
    # Without socket timeouts, libldap waits forever if a server freezes within a response.
    timeout = struct.pack("ll", SECONDS, 0)
    reached.settimeout(None)
    reached.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
    reached.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
    connection = ldap.initialize("ldap://", fileno=reached.detach())
    connection.set_option(ldap.OPT_PROTOCOL_VERSION, 3)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, SECONDS)
    connection.timeout = SECONDS
    return connection


@contextmanager
def explained(settings: LdapSettings) -> Iterator[None]:
    """Convert python-ldap's errors to LdapFailed, with what to correct."""
    try:
        yield
    except ldap.TIMEOUT as error:
        raise Unreachable(
            "timeout", f"{settings.uri} did not respond within {SECONDS} seconds."
        ) from error
    except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR) as error:
        raise Unreachable(
            "unreachable", f"{settings.uri} closed the connection: {_error_text(error)}."
        ) from error
    except (ldap.STRONG_AUTH_REQUIRED, ldap.CONFIDENTIALITY_REQUIRED) as error:
        raise LdapFailed(
            "tls-required",
            f"{settings.uri} accepts passwords only over TLS. Use StartTLS or ldaps://.",
        ) from error
    except ldap.LDAPError as error:
        raise LdapFailed(
            "directory-error", f"{settings.uri} returned an error: {_error_text(error)}."
        ) from error


def _error_text(error: Any) -> str:
    details = error.args[0] if error.args else {}
    if not isinstance(details, dict):
        return str(error)
    return str(details.get("info") or details.get("desc") or error).rstrip(".")
