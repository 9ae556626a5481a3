"""HTTP requests to addresses that a tenant's administrator has entered (SSRF protection).

A host is resolved once, the addresses are checked, and the connection goes to one of these
addresses, so a second DNS answer cannot point elsewhere. Redirects are not followed. Responses are
limited in size and time, and a circuit breaker protects against servers that do not respond.
Private addresses are refused unless the installation allows them (OUTBOUND_ALLOW).
"""

import http.client
import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final
from urllib.parse import SplitResult, urlencode, urlsplit

from django.conf import settings

from people.net import circuit_breaker
from people.net.time_limit import seconds_left

CONNECT_SECONDS: Final = 3
TOTAL_SECONDS: Final = 8
MAX_BYTES: Final = 256 * 1024
# IPv6 prefixes that embed an IPv4 address: NAT64 and its local prefix (RFC 6052, RFC 8215).
_WRAPPING: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
# Networks that some releases of `ipaddress` consider public: protocol assignments, site-local
# addresses, documentation, and Azure's platform address.
_PRIVATE_TOO: Final = tuple(
    map(ip_network, ("192.0.0.0/24", "fec0::/10", "3fff::/20", "168.63.129.16/32"))
)

Address = IPv4Address | IPv6Address


class OutboundError(Exception):
    """The request failed. The message says what to correct; the code is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unreachable(OutboundError):
    """The server does not respond. Several of these errors open the circuit breaker."""


@dataclass(frozen=True)
class HttpAnswer:
    """A response, whatever its status."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON.

        :raises OutboundError: if it is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise OutboundError(
                "not-json", f"{self.url} did not return JSON. Check the address."
            ) from error


def fetch(
    url: str,
    *,
    method: str = "GET",
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    is_body_needed: bool = True,
) -> HttpAnswer:
    """Send one request and return the response, unless it is a redirect.

    :param form: the fields of a form, which become the body.
    :param content: the body, whose type is in `headers`.
    :param is_body_needed: False if a response that is too large counts as well. Then `body` is its
        beginning.
    :raises OutboundError: if the address is refused, the request fails, or it is redirected.
    """
    parts = checked(url)
    request = _Request(method, form, content, headers or {}, is_body_needed)
    try:
        with circuit_breaker.circuit(origin(url), Unreachable):
            answer = _send(url, parts, request)
    except circuit_breaker.CircuitOpen as error:
        raise OutboundError(
            "resting",
            # Without a time, because pages show when the next attempt is.
            f"{origin(url)} did not respond several times in a row. Ramp waits before it tries "
            "again.",
        ) from error
    if 300 <= answer.status < 400:
        raise OutboundError(
            "redirected", f"{url} redirects to another address. Enter that address."
        )
    return answer


def fetch_json(url: str, **how: Any) -> dict[str, Any]:
    """Send one request and return the JSON object in the response.

    :raises OutboundError: as `fetch`, and for any other status than 200 or other content.
    """
    answer = fetch(url, **how)
    if answer.status != 200:
        raise OutboundError("not-ok", f"{url} returned status {answer.status} instead of 200.")
    document = answer.json()
    if not isinstance(document, dict):
        raise OutboundError("not-json", f"{url} returned JSON that is not an object.")
    return document


def origin(url: str) -> str:
    """Return the scheme and server of the URL, which is the key of its circuit breaker."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def connect(host: str, port: int, *, seconds: float, may_be_plain: bool = False) -> socket.socket:
    """Connect to the first of the host's addresses that accepts a connection in time.

    A host may have an IPv6 address although only IPv4 works in this network, so all are tried.

    :raises OutboundError: as `resolve`.
    :raises OSError: the error of the last address, if none accepts a connection.
    """
    addresses = resolve(host, port, may_be_plain=may_be_plain)
    deadline = time.monotonic() + seconds
    while True:
        # An address that does not respond must leave time for the others.
        share = (deadline - time.monotonic()) / len(addresses)
        try:
            reached = socket.create_connection((addresses.pop(0), port), timeout=max(share, 0.1))
        except OSError:
            if not addresses:
                raise
        else:
            reached.settimeout(seconds)
            return reached


def resolve(host: str, port: int, *, may_be_plain: bool = False) -> list[str]:
    """Return the checked addresses of the host.

    :param may_be_plain: whether the connection is without TLS. Such connections are allowed only to
        networks in OUTBOUND_ALLOW.
    :raises OutboundError: if the host has no address, or one to which Ramp may not connect.
    """
    try:
        found = _resolve_in_thread(host, port)
    except (OSError, UnicodeError) as error:
        raise Unreachable(
            "unresolvable", f"The host name “{host}” cannot be resolved. Check the spelling."
        ) from error
    addresses = [_as_address(str(entry[4][0])) for entry in found]
    for address in addresses:
        _check(host, address, must_be_allowed=may_be_plain)
    return list(dict.fromkeys(map(str, addresses)))


def checked(url: str) -> SplitResult:
    """Parse the URL and reject what Ramp never requests (scheme, port, credentials).

    :raises OutboundError: if the URL is invalid or not HTTP.
    """
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError as error:
        raise OutboundError("bad-url", f"“{url}” is not a valid URL.") from error
    odd = any(ord(character) <= 32 or character in "\\\x7f" for character in url)
    if odd or not parts.hostname or parts.username is not None or parts.fragment:
        raise OutboundError("bad-url", f"“{url}” is not a valid URL.")
    if parts.scheme not in ("https", "http"):
        raise OutboundError("not-https", f"“{url}” does not begin with https://.")
    return parts


@dataclass(frozen=True)
class _Request:
    method: str
    form: Mapping[str, str] | None
    content: bytes | None
    headers: Mapping[str, str]
    is_body_needed: bool


def check_address(url: str) -> None:
    """Refuse the URL for the reasons for which `fetch` would, without a request to the server.

    :raises OutboundError: if the URL is invalid, or the host has no address to which Ramp connects.
    """
    parts = checked(url)
    resolve(parts.hostname or "", _port(parts), may_be_plain=parts.scheme == "http")


def _send(url: str, parts: SplitResult, request: _Request) -> HttpAnswer:
    is_plain = parts.scheme == "http"
    seconds = min(TOTAL_SECONDS, seconds_left())
    deadline = time.monotonic() + seconds
    try:
        if not seconds:
            raise TimeoutError
        host, port = parts.hostname or "", _port(parts)
        opened = connect(host, port, seconds=min(CONNECT_SECONDS, seconds), may_be_plain=is_plain)
        with opened, _cut_off(opened, seconds), _secured(opened, parts) as connected:
            answer = _answer(connected, url, parts, request)
        if time.monotonic() >= deadline:
            # The response was cut off by the timer, but may look complete.
            raise TimeoutError
    except (OSError, http.client.HTTPException, ValueError) as error:
        is_late = time.monotonic() >= deadline
        if is_late and seconds < TOTAL_SECONDS:
            # Not `Unreachable`: the server may have been given a moment only.
            raise OutboundError(
                "timeout", f"{url} did not respond in the time that Ramp allows for this page."
            ) from error
        raise _failed(url, error, is_late=is_late) from error
    return answer


@contextmanager
def _cut_off(opened: socket.socket, seconds: float) -> Iterator[None]:
    """Close the connection after this time, even if the server keeps sending slowly.

    Socket timeouts are not enough, because each received byte restarts them.
    """
    # `wrap_socket` detaches the original socket, so the timer needs a duplicate.
    handle = opened.dup()
    timer = threading.Timer(seconds, _cut, [handle])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def _cut(handle: socket.socket) -> None:
    # The server may have closed the connection already.
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _secured(opened: socket.socket, parts: SplitResult) -> socket.socket:
    """Return the connection, over TLS if required, and verify the host name."""
    if parts.scheme == "http":
        return opened
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context.wrap_socket(opened, server_hostname=(parts.hostname or "").rstrip("."))


def _answer(
    connected: socket.socket, url: str, parts: SplitResult, request: _Request
) -> HttpAnswer:
    sent = {"Accept": "application/json", "User-Agent": "Ramp", **request.headers}
    sent["Host"] = parts.netloc
    body: str | bytes | None = request.content
    if request.form is not None:
        body = urlencode(request.form)
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    connection = http.client.HTTPConnection(parts.hostname or "", _port(parts))
    connection.sock = connected
    connection.request(request.method, path, body=body, headers=sent)
    with connection.getresponse() as response:
        content = response.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES and not request.is_body_needed:
            return HttpAnswer(url, response.status, dict(response.headers), content)
        if len(content) > MAX_BYTES:
            raise OutboundError("too-large", f"{url} returned more than {MAX_BYTES // 1024} KiB.")
        if response.length:
            raise http.client.IncompleteRead(content, response.length)
    return HttpAnswer(url, response.status, dict(response.headers), content)


def _resolve_in_thread(host: str, port: int) -> list[Any]:
    """Resolve the host in a thread, because getaddrinfo has no timeout.

    :raises OSError, UnicodeError: if the host cannot be resolved in time.
    """
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _as_address(text: str) -> Address:
    return ip_address(text.partition("%")[0])


def _check(host: str, address: Address, *, must_be_allowed: bool) -> None:
    bare = _unwrapped(address)
    if any(bare in network for network in map(ip_network, settings.OUTBOUND_ALLOW)):
        return
    if must_be_allowed:
        raise OutboundError("not-https", f"“{host}” would be contacted without TLS. Use https.")
    if _is_private(bare):
        raise OutboundError(
            "address-refused",
            f"“{host}” resolves to {bare}, a private address that this installation does not "
            "connect to. Your Ramp operator can allow the network with OUTBOUND_ALLOW.",
        )


def _is_private(address: Address) -> bool:
    is_special = not address.is_global or address.is_multicast or address.is_reserved
    return is_special or any(address in network for network in _PRIVATE_TOO)


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 address, if any."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _WRAPPING):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _failed(url: str, error: Exception, *, is_late: bool) -> OutboundError:
    match error:
        case _ if is_late:
            return Unreachable("timeout", f"{url} took longer than {TOTAL_SECONDS} seconds.")
        case ssl.SSLError():
            return _insecure(url, error)
        case ConnectionRefusedError():
            return Unreachable(
                "refused", f"{url} refuses connections. Check that the server is running."
            )
        case TimeoutError():
            return Unreachable(
                "timeout", f"{url} did not respond within {CONNECT_SECONDS} seconds."
            )
        case ValueError():
            return OutboundError("bad-url", f"{url} is not a valid URL: {error}.")
        case _:
            return Unreachable("broken", f"{url} closed the connection unexpectedly.")


def _insecure(url: str, error: ssl.SSLError) -> OutboundError:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return OutboundError("certificate", f"The certificate of {url} is not valid: {why}.")
    why = (error.reason or str(error)).replace("_", " ").lower()
    return OutboundError("no-tls", f"{url} does not support TLS 1.2 or newer: {why}.")
