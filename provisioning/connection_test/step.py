from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from people.net import safe_http

WEB_PORTS: Final = {"https": 443, "http": 80, "ldaps": 636, "ldap": 389}


@dataclass(frozen=True)
class Step:
    """A step of the test, and its result."""

    name: str
    is_ok: bool
    sentence: str


def passed(name: str, sentence: str) -> Step:
    return Step(name, is_ok=True, sentence=sentence)


def failed(name: str, sentence: str) -> Step:
    return Step(name, is_ok=False, sentence=sentence)


def address_step(url: str) -> Step:
    """Resolve the host name, which includes the check whether Ramp may connect to it.

    :raises OutboundError: if it may not.
    """
    parts = urlsplit(url)
    host = parts.hostname or url
    port = parts.port or WEB_PORTS.get(parts.scheme, 0)
    found = safe_http.resolve(host, port, may_be_plain=parts.scheme == "http")
    return passed("Address", f"{host} resolves to {' and '.join(found)}.")
