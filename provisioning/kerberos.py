"""Windows sign-in: accepts Kerberos tickets of browsers (RFC 4559, RFC 4121).

Only this module and `connection_test.kdc_client` use gssapi, which is optional. `is_available`
tells whether it is installed.
"""

import struct
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings

try:
    # Imported as Any, because its type hints are incomplete.
    gssapi: Any = import_module("gssapi")
except ImportError:  # `make setup` skips it where it cannot be built.
    gssapi = None

NTLM: Final = b"NTLMSSP\0"
LOGON_INFO: Final = "urn:mspac:logon-info"
USER_ID_AT: Final = 120
# The object identifier 1.3.6.1.5.5.2 in DER.
SPNEGO: Final = bytes.fromhex("2b0601050502")
# The service name for which browsers request a ticket.
SERVICE: Final = "HTTP"


class KerberosFailed(Exception):
    """The ticket is not accepted. The message is for the provider log."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Accepted:
    """An accepted ticket with its principal. `answer` authenticates the server to the browser."""

    principal: str
    answer: bytes
    # The relative id of the account, which a Windows domain never reuses; None elsewhere.
    relative_id: int | None = None

    @property
    def login(self) -> str:
        """Return the principal without the realm, which is the login name in the directory."""
        return self.principal.rpartition("@")[0]

    @property
    def account(self) -> str:
        """Return the relative id and the realm, or the principal if there is no relative id."""
        realm = self.principal.rpartition("@")[2]
        return self.principal if self.relative_id is None else f"{self.relative_id}@{realm}"


@dataclass(frozen=True)
class KeytabEntry:
    """A key in a keytab: its principal without the realm, the realm, and the key's version."""

    name: str
    realm: str
    version: int


def keytab_entries(keytab: bytes) -> list[KeytabEntry]:
    """Return the entries of a keytab in the format of MIT Kerberos, version 0x0502.

    https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html

    :raises KerberosFailed: if it has another format.
    """
    entries, at = [], 2
    if keytab[:2] != b"\x05\x02":
        raise KerberosFailed("keytab", "This is no keytab. Upload it again.")
    try:
        while at + 4 <= len(keytab):
            (size,) = struct.unpack_from(">i", keytab, at)
            # A negative size is a hole, where an entry was deleted.
            if size > 0:
                entries.append(_keytab_entry(keytab[at + 4 : at + 4 + size]))
            at += 4 + abs(size)
    except (struct.error, ValueError) as error:
        raise KerberosFailed("keytab", "The keytab cannot be read. Upload it again.") from error
    return entries


def _keytab_entry(entry: bytes) -> KeytabEntry:
    (count,), at = struct.unpack_from(">H", entry), 2
    texts = []
    for _ in range(count + 1):
        (size,) = struct.unpack_from(">H", entry, at)
        texts.append(entry[at + 2 : at + 2 + size].decode())
        at += 2 + size
    # The type of the name and a time of 4 bytes each, the version, and the type and size of a key.
    version, _, size = struct.unpack_from(">BHH", entry, at + 8)
    if len(entry) >= at + 13 + size + 4:
        version = struct.unpack_from(">I", entry, at + 13 + size)[0] or version
    return KeytabEntry("/".join(texts[1:]), texts[0], version)


def is_available() -> bool:
    """Tell whether gssapi is installed."""
    return gssapi is not None


def accept(
    token: bytes, *, keytab: bytes, realms: Collection[str], certificate: bytes = b""
) -> Accepted:
    """Accept a token for this service from an allowed realm. A token can be used only once.

    :param certificate: the certificate that browsers see (PEM). If given, the token must be bound
        to it, so a token for another server is refused (tls-server-end-point, RFC 5929).
    :raises KerberosFailed: if the token is not accepted, with what to correct.
    """
    # NTLM comes alone or within SPNEGO, after a few bytes.
    if NTLM in token[:256]:
        raise KerberosFailed(
            "ntlm",
            "The browser sent NTLM, which means that it did not get a Kerberos ticket. Check the "
            "service principal name, the intranet zone, and the computer's clock.",
        )
    context, answer = _stepped(token, keytab, certificate)
    if not context.complete:
        raise KerberosFailed(
            "unfinished",
            "The browser did not complete Kerberos authentication. It continues with NTLM "
            "or another mechanism.",
        )
    # A ticket that is bound to another server has failed before.
    is_bound = gssapi.RequirementFlag.channel_bound in context.actual_flags
    if certificate and not is_bound:
        raise KerberosFailed(
            "not-bound",
            "The browser did not bind its ticket to the server's certificate (channel binding), "
            "so the ticket could come from another server. Use a browser that supports channel "
            "binding.",
        )
    _check_service(token, keytab)
    principal = str(context.initiator_name)
    _check_realm(principal, realms)
    return Accepted(principal, answer, _relative_id(context.initiator_name))


def check_keytab(keytab: bytes) -> None:
    """Check that the keytab can be used.

    :raises KerberosFailed: if it cannot, with what to correct.
    """
    with tempfile.NamedTemporaryFile() as file:
        _written(file, keytab)
        _credentials(file.name)


def _stepped(token: bytes, keytab: bytes, certificate: bytes) -> tuple[Any, bytes]:
    # The library reads keytabs only from files. Only our user can read this one, and it is deleted
    # at once.
    with tempfile.NamedTemporaryFile() as file:
        _written(file, keytab)
        credentials, bindings = _credentials(file.name), None
        if certificate:
            bindings = gssapi.raw.ChannelBindings(
                application_data=b"tls-server-end-point:" + end_point(certificate)
            )
        context = gssapi.SecurityContext(
            creds=credentials, usage="accept", channel_bindings=bindings
        )
        # Otherwise `step` would hide its error, and `complete` would raise it later.
        context.__DEFER_STEP_ERRORS__ = False
        try:
            return context, context.step(token) or b""
        except (gssapi.exceptions.GSSError, ValueError) as error:
            raise KerberosFailed("ticket-refused", f"The ticket was rejected: {error}") from error


def _written(file: Any, keytab: bytes) -> None:
    file.write(keytab)
    file.flush()


def _credentials(path: str) -> Any:
    try:
        return gssapi.Credentials(usage="accept", store={"keytab": f"FILE:{path}"})
    except gssapi.exceptions.GSSError as error:
        raise KerberosFailed(
            "keytab", f"The keytab cannot be used: {error} Upload it again."
        ) from error


def end_point(certificate: bytes) -> bytes:
    """Return the digest of the certificate by its signature's algorithm (RFC 5929 section 4.1).

    SHA-256 replaces MD5 and SHA-1, as that section requires.
    """
    served = x509.load_pem_x509_certificate(certificate)
    signed_with = served.signature_hash_algorithm
    is_weak = signed_with is None or isinstance(signed_with, MD5 | SHA1)
    digest = Hash(SHA256() if is_weak or signed_with is None else signed_with)
    digest.update(served.public_bytes(Encoding.DER))
    return digest.finalize()


def _relative_id(initiator: Any) -> int | None:
    """Return the account's number from the ticket's authorization data, if a KDC signed any.

    It is the UserId of KERB_VALIDATION_INFO (MS-PAC 2.5). The 120 bytes before it are headers (20),
    6 times and 6 strings of 8 bytes each, and 2 counts of 2 bytes each.
    """
    try:
        logon_info = initiator.attributes[LOGON_INFO]
    except (KeyError, NotImplementedError, gssapi.exceptions.GSSError):
        return None
    value = next(iter(logon_info.values), b"")
    if not logon_info.authenticated or len(value) < USER_ID_AT + 4:
        return None
    number: int = struct.unpack_from("<I", value, USER_ID_AT)[0]
    return number


def _check_service(token: bytes, keytab: bytes) -> None:
    """Check that the ticket was issued for HTTP, and for a host in the keytab.

    All services of an account have the same key, and the library accepts a ticket for any of them:
    it reports the name in the keytab instead of the one in the ticket. A ticket that somebody got
    for a file server, for example, must not open a session here.
    """
    service = service_of(token)
    names = {entry.name.casefold() for entry in keytab_entries(keytab)}
    if not service.startswith(f"{SERVICE}/") or service.casefold() not in names:
        raise KerberosFailed(
            "other-service",
            f"The ticket is for {service or 'no service'}. The keytab should contain only "
            f"{SERVICE}/….",
        )


def service_of(token: bytes) -> str:
    """Return the service for which the ticket in the token was issued; blank if unreadable.

    The token is SPNEGO (RFC 4178 section 4.2.1) around a Kerberos token (RFC 4121 section 4.1), or
    the latter alone; in it are an AP-REQ and its ticket (RFC 4120 sections 5.5.1 and 5.3).
    """
    try:
        if token[:1] == b"\x60":
            content = _content(token, 0x60)
            mechanism, rest = _split(content)
            if mechanism == SPNEGO:
                return service_of(_content(rest, 0xA0, 0x30, 0xA2, 0x04))
            # Two bytes say that it is an AP-REQ.
            token = rest.removeprefix(b"\x01\x00")
        names = _content(token, 0x6E, 0x30, 0xA3, 0x61, 0x30, 0xA2, 0x30, 0xA1, 0x30)
        parts = []
        while names:
            part, names = _split(names)
            parts.append(part.decode())
    except (IndexError, ValueError):
        return ""
    return "/".join(parts)


def _content(data: bytes, *tags: int) -> bytes:
    """Return the content of the first element with the first tag, in it of the second, and so on.

    :raises IndexError, ValueError: if there is none.
    """
    for tag in tags:
        while data[0] != tag:
            _, data = _split(data)
        data, _ = _split(data)
    return data


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return the content of the first DER element, and what follows it (X.690 section 8.1)."""
    size, start = data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if start + size > len(data):
        raise ValueError("The element is cut off.")
    return data[start : start + size], data[start + size :]


def _check_realm(principal: str, realms: Collection[str]) -> None:
    name, _, realm = principal.rpartition("@")
    if not name or "\\" in principal or realm not in realms:
        raise KerberosFailed(
            "other-realm",
            f"{principal} is not in an allowed realm. Allowed: {', '.join(sorted(realms))}.",
        )


def spn() -> str:
    """Return the service principal name that browsers want a ticket for (RFC 4559 section 4.1)."""
    return f"{SERVICE}/{urlsplit(settings.PUBLIC_BASE_URL).hostname}"
