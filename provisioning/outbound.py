"""The one way from here to addresses that a tenant's administrator typed in.

Discovery documents, keys, tokens and directories are asked for over HTTPS. A host is resolved
once, what it resolves to is checked, and the connection goes to that very address, so that
nothing can point elsewhere in between. Redirects are not followed; answers are bounded in
size and time. Nothing private is asked unless the installation allows it (OUTBOUND_ALLOW).
"""

import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import SplitResult, urlencode, urlsplit

import urllib3
from django.conf import settings

CONNECT_SECONDS: Final = 3
TOTAL_SECONDS: Final = 8
MOST_BYTES: Final = 256 * 1024
# An IPv4 address wrapped in one of IPv6: NAT64, and its local prefix (RFC 6052, RFC 8215).
_WRAPPING: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))

Address = IPv4Address | IPv6Address


class OutboundError(Exception):
    """What was asked for could not be had. The message says what to correct, by a stable code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What a server said, whatever it was."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON.

        :raises OutboundError: if it is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise OutboundError(
                "not-json", f"{self.url} did not answer JSON. Is it the right address?"
            ) from error


def fetch(
    url: str,
    *,
    method: str = "GET",
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Ask once, and return whatever is answered but a redirect.

    :raises OutboundError: if the address may not be asked, or does not answer as it should.
    """
    parts = checked(url)
    address = resolve(parts.hostname or "", _port(parts), may_be_plain=parts.scheme == "http")
    sent = {"Accept": "application/json", "User-Agent": "Ramp", **(headers or {})}
    sent["Host"] = parts.netloc
    body = None
    if form is not None:
        body = urlencode(form)
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    deadline = time.monotonic() + TOTAL_SECONDS
    try:
        with _pool(parts, address) as pool:
            response = pool.urlopen(
                method,
                path,
                body=body,
                headers=sent,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=True,
            )
            content = _read(response, url, deadline)
    except urllib3.exceptions.HTTPError as error:
        raise _failed(url, error) from error
    if 300 <= response.status < 400:
        raise OutboundError(
            "redirected", f"{url} redirects elsewhere. Enter the address it redirects to."
        )
    return Answer(url, response.status, dict(response.headers), content)


def fetch_json(url: str, **how: Any) -> dict[str, Any]:
    """Ask for a JSON object.

    :raises OutboundError: if anything else is answered.
    """
    answer = fetch(url, **how)
    if answer.status != 200:
        raise OutboundError("not-ok", f"{url} answered {answer.status} instead of 200.")
    document = answer.json()
    if not isinstance(document, dict):
        raise OutboundError("not-json", f"{url} answered JSON, but no object.")
    return document


def resolve(host: str, port: int, *, may_be_plain: bool = False) -> str:
    """Return the address to connect to; plain connections go only where OUTBOUND_ALLOW says.

    :raises OutboundError: if the host has no address, or one that may not be asked.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OutboundError(
            "unresolvable", f"No address is known for “{host}”. Check the spelling."
        ) from error
    addresses = [_as_address(str(entry[4][0])) for entry in found]
    for address in addresses:
        _check(host, address, must_be_allowed=may_be_plain)
    return str(addresses[0])


def checked(url: str) -> SplitResult:
    """Return the parts of an address that may be asked, as far as its spelling tells.

    :raises OutboundError: if it is none, or not of the web.
    """
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError as error:
        raise OutboundError("bad-url", f"“{url}” is not an address.") from error
    odd = any(ord(character) <= 32 or character in "\\\x7f" for character in url)
    if odd or not parts.hostname or parts.username is not None or parts.fragment:
        raise OutboundError("bad-url", f"“{url}” is not an address.")
    if parts.scheme not in ("https", "http"):
        raise OutboundError("not-https", f"“{url}” does not begin with https://.")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _as_address(text: str) -> Address:
    return ip_address(text.partition("%")[0])


def _check(host: str, address: Address, *, must_be_allowed: bool) -> None:
    bare = _unwrapped(address)
    if any(bare in network for network in map(ip_network, settings.OUTBOUND_ALLOW)):
        return
    if must_be_allowed:
        raise OutboundError("not-https", f"“{host}” would be asked without TLS. Use https.")
    if not bare.is_global or bare.is_multicast or bare.is_reserved:
        raise OutboundError(
            "address-refused",
            f"“{host}” is at {bare}, a private address, which this installation does not ask. "
            "Whoever runs it can allow the network by OUTBOUND_ALLOW.",
        )


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _WRAPPING):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _pool(parts: SplitResult, address: str) -> urllib3.HTTPConnectionPool:
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=CONNECT_SECONDS)
    port = _port(parts)
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout, maxsize=1)
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    name = (parts.hostname or "").rstrip(".")
    return urllib3.HTTPSConnectionPool(
        address,
        port,
        timeout=timeout,
        maxsize=1,
        ssl_context=context,
        server_hostname=name,
        assert_hostname=name,
    )


def _read(response: urllib3.BaseHTTPResponse, url: str, deadline: float) -> bytes:
    content = b""
    for piece in response.stream(16 * 1024):
        content += piece
        if len(content) > MOST_BYTES:
            raise OutboundError("too-large", f"{url} answered more than {MOST_BYTES // 1024} KiB.")
        if time.monotonic() > deadline:
            raise OutboundError("timeout", f"{url} took longer than {TOTAL_SECONDS} seconds.")
    return content


def _failed(url: str, error: urllib3.exceptions.HTTPError) -> OutboundError:
    cause = error.__cause__ or error
    match error:
        case urllib3.exceptions.SSLError():
            said = getattr(cause, "verify_message", "") or str(cause)
            return OutboundError("certificate", f"The certificate of {url} is not good: {said}.")
        case urllib3.exceptions.NewConnectionError():
            return OutboundError("refused", f"{url} does not take connections. Is it running?")
        case urllib3.exceptions.TimeoutError():
            return OutboundError(
                "timeout", f"{url} did not answer within {CONNECT_SECONDS} seconds."
            )
        case _:
            return OutboundError("broken", f"{url} broke the connection off.")
