"""A connection to a directory: to the address that was checked, in time, and over TLS.

Everything is bounded in time and referrals are off. python-ldap's errors become sentences that
say what to correct. Where python-ldap could not be installed, `is_available` says so.
"""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from provisioning.ldap import starttls
from provisioning.net import safe_http
from provisioning.net.safe_http import OutboundError
from provisioning.providers.config import LdapSettings

try:
    import ldap
except ImportError:  # `make setup` went on without it.
    ldap = None

SECONDS: Final = starttls.SECONDS


class LdapFailed(Exception):
    """The directory could not identify the person. The message is for the provider log."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WrongPassword(LdapFailed):
    """Nobody of that name has this password; which of the two is wrong, only the log tells."""


class AccountRefused(LdapFailed):
    """The directory answered, and what it says of the account lets nobody in."""


class Unreachable(LdapFailed):
    """The directory does not answer; it is left alone for a while."""


def is_available() -> bool:
    """Tell whether python-ldap could be installed on this machine."""
    return ldap is not None


def connected(settings: LdapSettings) -> Any:
    """Return a connection to the address that was checked, over TLS where that is asked for.

    :raises LdapFailed: if the address may not be asked.
    """
    parts = _parts(settings.uri)
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
    return _speaking(reached if is_plain else _secured(settings, reached, host))


def bind(connection: Any, settings: LdapSettings, password: str) -> None:
    """Bind as the service account, or anonymously without a bind DN.

    :raises LdapFailed: if the directory does not take it.
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


def _speaking(reached: socket.socket) -> Any:
    """Have libldap speak over a socket that is connected already."""
    # libldap waits for ever on a server that froze in the middle of an answer otherwise.
    patience = struct.pack("ll", SECONDS, 0)
    reached.settimeout(None)
    reached.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    reached.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
    connection = ldap.initialize("ldap://", fileno=reached.detach())
    connection.set_option(ldap.OPT_PROTOCOL_VERSION, 3)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, SECONDS)
    connection.timeout = SECONDS
    return connection


@contextmanager
def explained(settings: LdapSettings) -> Iterator[None]:
    """Say what python-ldap's errors mean, and what to correct.

    :raises LdapFailed: for each of them.
    """
    try:
        yield
    except ldap.TIMEOUT as error:
        raise Unreachable(
            "timeout", f"{settings.uri} did not respond within {SECONDS} seconds."
        ) from error
    except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR) as error:
        raise Unreachable(
            "unreachable", f"{settings.uri} closed the connection: {_told(error)}."
        ) from error
    except (ldap.STRONG_AUTH_REQUIRED, ldap.CONFIDENTIALITY_REQUIRED) as error:
        raise LdapFailed(
            "tls-required",
            f"{settings.uri} accepts passwords only over TLS. Use StartTLS or ldaps://.",
        ) from error
    except ldap.LDAPError as error:
        raise LdapFailed(
            "directory-error", f"{settings.uri} returned an error: {_told(error)}."
        ) from error


def _told(error: Any) -> str:
    said = error.args[0] if error.args else {}
    if not isinstance(said, dict):
        return str(error)
    return str(said.get("info") or said.get("desc") or error).rstrip(".")


def _parts(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        is_usable = parts.scheme in ("ldap", "ldaps") and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise LdapFailed(
            "bad-url",
            f"“{uri}” is not a valid address. Enter one such as ldaps://ldap.example.com:636.",
        )
    return parts
