"""Finds the client's address, also behind proxies.

`TRUSTED_PROXIES` is a number of proxies, or their networks. The header is read from its right end,
where the nearest proxy appended an entry. Entries to the left of the trusted ones come from the
client, who can write anything there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from django.conf import settings

Address = IPv4Address | IPv6Address

HEADERS: Final = {"X-Forwarded-For": "HTTP_X_FORWARDED_FOR", "Forwarded": "HTTP_FORWARDED"}
# More than any real chain of proxies; it limits the work for a forged header.
MAX_HOPS: Final = 20

_current: ContextVar[str | None] = ContextVar("client_address", default=None)


def client_address(meta: Mapping[str, Any]) -> str | None:
    """Return the client's address, or the peer's if the header contains no usable one."""
    peer = meta.get("REMOTE_ADDR") or ""
    trusted = settings.TRUSTED_PROXIES
    if not trusted:
        return peer or None
    value = meta.get(HEADERS[settings.PROXY_HEADER], "")
    key = trusted if isinstance(trusted, int) else tuple(trusted)
    return _client(peer, value, settings.PROXY_HEADER, key) or None


@contextmanager
def remembered(meta: Mapping[str, Any]) -> Iterator[None]:
    """Make the client's address available to the block, by `current_client_address`."""
    token = _current.set(client_address(meta))
    try:
        yield
    finally:
        _current.reset(token)


def current_client_address() -> str | None:
    """Return the client's address of the current request; None outside of a request."""
    return _current.get()


@lru_cache(maxsize=4096)
def _client(peer: str, value: str, header: str, trusted: int | tuple[str, ...]) -> str:
    entries = value.rsplit(",", MAX_HOPS)[-MAX_HOPS:] if value else []
    read = _forwarded_for if header == "Forwarded" else str
    hops = [_address(read(entry)) for entry in entries]
    if isinstance(trusted, int):
        # With fewer entries than proxies, the client has reached the port without passing all of
        # them.
        found = hops[-trusted] if len(hops) >= trusted else None
        return str(found) if found else peer
    # Not from a trusted proxy, so the client itself wrote the header.
    if peer and not _is_in(_address(peer), trusted):
        return peer
    for hop in reversed(hops):
        # An entry that cannot be parsed hides which entries to the left of it can be trusted.
        if hop is None:
            return peer
        if not _is_in(hop, trusted):
            return str(hop)
    # All entries are trusted, so one of the trusted hosts sent the request itself.
    return str(hops[0]) if hops else peer


def _forwarded_for(entry: str) -> str:
    """Return the “for” of an RFC 7239 element, such as for="[2001:db8::1]:443";proto=https."""
    for pair in entry.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value
    return ""


def _address(text: str) -> Address | None:
    """Parse an address with or without quotes, brackets, port and zone; None if it is invalid."""
    text = text.strip().strip('"').strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    # A single colon separates a port; an IPv6 address has at least two.
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A dual-stack socket reports IPv4 clients as ::ffff:192.0.2.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_in(address: Address | None, networks: tuple[str, ...]) -> bool:
    return address is not None and any(address in _network(one) for one in networks)


@lru_cache(maxsize=256)
def _network(text: str) -> Any:
    return ip_network(text, strict=False)
