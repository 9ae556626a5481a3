"""Known devices: a signed cookie that lists the accounts that have signed in on a device.

Attempts on a known device are counted separately, so an attacker's guesses elsewhere do not lock
out the account's owner. The cookie does not authenticate anybody. A thief gains only FREE_TRIES
attempts, because they are counted for the device that the cookie names.
"""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from people.client_address import client_address
from provisioning.passwords.lockout import Source

COOKIE: Final = "known_device"
SALT: Final = "provisioning.known_devices"
YEAR: Final = 365 * 24 * 3600
# As many as fit into a cookie. People who work for several companies need a few.
MAX_ACCOUNTS: Final = 20


def source_of(request: HttpRequest) -> Source:
    """Return the source of a sign-in attempt."""
    network = client_address(request.META) or ""
    try:
        address = ip_address(network)
    except ValueError:
        pass
    else:
        # One client has all addresses of an IPv6 /64 network.
        is_v6 = isinstance(address, IPv6Address)
        network = str(ip_network(f"{address}/64", strict=False) if is_v6 else address)
    cookie = _read(_sent(request))
    return Source(network, cookie["device"], frozenset(cookie["accounts"]))


def remember(request: HttpRequest, response: HttpResponse, accounts: Iterable[str]) -> None:
    """Set the cookie that makes this browser a known device of these accounts."""
    cookie = _read(response.cookies[COOKIE].value if COOKIE in response.cookies else _sent(request))
    device = cookie["device"] or uuid4().hex
    known = [*dict.fromkeys([*accounts, *cookie["accounts"]])][:MAX_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        signing.dumps({"device": device, "accounts": known}, salt=SALT, compress=True),
        max_age=YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _sent(request: HttpRequest) -> str:
    return str(request.COOKIES.get(COOKIE, ""))


def _read(cookie: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = signing.loads(cookie, salt=SALT, max_age=YEAR)
    except signing.BadSignature:
        return {"device": "", "accounts": []}
    return content
