"""The devices on which people have signed in, as a signed cookie.

A known device has tries of its own at the accounts that were used on it, so that a stranger's
guesses elsewhere do not keep their owners out. The cookie lets nobody in, and it is worth no more
than FREE_TRIES to whoever steals it: it names the device whose tries are counted.
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
# A cookie has room for no more; somebody who administers several companies needs a few.
MOST_ACCOUNTS: Final = 20


def source_of(request: HttpRequest) -> Source:
    """Return where a try to sign in comes from."""
    said = _read(_sent(request))
    return Source(_network(request.META), said["device"], frozenset(said["accounts"]))


def remember(request: HttpRequest, response: HttpResponse, accounts: Iterable[str]) -> None:
    """Set the cookie that makes this browser a known device of these accounts."""
    said = _read(response.cookies[COOKIE].value if COOKIE in response.cookies else _sent(request))
    device = said["device"] or uuid4().hex
    known = [*dict.fromkeys([*accounts, *said["accounts"]])][:MOST_ACCOUNTS]
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
        said: dict[str, Any] = signing.loads(cookie, salt=SALT, max_age=YEAR)
    except signing.BadSignature:
        return {"device": "", "accounts": []}
    return said


def _network(meta: dict[str, Any]) -> str:
    """Return the client's address; of IPv6 the network, in which anybody has many addresses."""
    said = client_address(meta) or ""
    try:
        address = ip_address(said)
    except ValueError:
        return str(said)
    if isinstance(address, IPv6Address):
        return str(ip_network(f"{address}/64", strict=False))
    return str(address)
