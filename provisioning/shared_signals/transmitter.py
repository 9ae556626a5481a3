"""Speaks to a transmitter: its metadata, and the management of a stream.

OpenID Shared Signals Framework 1.0, sections 7 and 8. All requests go through `safe_http`.
"""

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from django.core.cache import cache

from people.net import safe_http
from people.net.safe_http import HttpAnswer, OutboundError
from provisioning.shared_signals.event_types import REQUESTED

CACHE_SECONDS: Final = 3600
PUSH: Final = "urn:ietf:rfc:8935"
POLL: Final = "urn:ietf:rfc:8936"
# The names in the drafts, which some transmitters still use.
OLDER_NAMES: Final = {
    PUSH: "https://schemas.openid.net/secevent/risc/delivery-method/push",
    POLL: "https://schemas.openid.net/secevent/risc/delivery-method/poll",
}


class StreamLost(OutboundError):
    """The transmitter does not know the stream any more."""


class Credentials(Protocol):
    """Where the access token of a request comes from."""

    @property
    def can_renew(self) -> bool: ...

    def token(self, *, is_refused: bool = False) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Metadata:
    issuer: str
    jwks: str
    configuration: str
    status: str = ""
    verification: str = ""
    # The methods that it says it supports; empty if it does not say.
    delivery_methods: tuple[str, ...] = ()

    def check_supports(self, method: str) -> None:
        """Check that the transmitter delivers in this way.

        :raises OutboundError: if it says that it does not.
        """
        known = {method, OLDER_NAMES[method]} & {*self.delivery_methods}
        if self.delivery_methods and not known:
            raise OutboundError(
                "no-such-delivery", f"{self.issuer} does not offer this kind of delivery."
            )


@dataclass(frozen=True, kw_only=True)
class StreamConfiguration:
    stream_id: str
    audience: tuple[str, ...]
    # The address to poll; blank for push.
    endpoint: str


def metadata_of(issuer: str) -> Metadata:
    """Return the metadata of the transmitter, which is cached for an hour.

    :raises OutboundError: if it is not available, incomplete, or for another issuer.
    """
    key = f"ssf-metadata:{issuer}"
    known: Metadata | None = cache.get(key)
    if known is not None:
        return known
    url = metadata_url(issuer)
    document = safe_http.fetch_json(url)
    stated = document.get("issuer")
    if not isinstance(stated, str) or stated.rstrip("/") != issuer.rstrip("/"):
        raise OutboundError(
            "issuer-mismatch", f"{url} names the issuer “{stated}”. Enter the issuer like this."
        )
    methods = document.get("delivery_methods_supported")
    found = Metadata(
        issuer=stated,
        jwks=_url(document, "jwks_uri", url, is_needed=True),
        configuration=_url(document, "configuration_endpoint", url, is_needed=True),
        status=_url(document, "status_endpoint", url),
        verification=_url(document, "verification_endpoint", url),
        delivery_methods=tuple(map(str, methods)) if isinstance(methods, list) else (),
    )
    cache.set(key, found, CACHE_SECONDS)
    return found


def forget(issuer: str) -> None:
    """Discard the cached metadata."""
    cache.delete(f"ssf-metadata:{issuer}")


def metadata_url(issuer: str) -> str:
    """Return the address of the metadata: the path of the issuer comes after the well-known one."""
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}/.well-known/ssf-configuration{parts.path.rstrip('/')}"


def create_stream(
    metadata: Metadata, credentials: Credentials, *, push_to: str = "", authorization: str = ""
) -> StreamConfiguration:
    """Create a stream that is pushed to the address, or polled if there is none.

    :raises OutboundError: if the transmitter refuses it, or answers incompletely.
    """
    delivery = {"method": PUSH if push_to else POLL}
    if push_to:
        delivery |= {"endpoint_url": push_to, "authorization_header": authorization}
    wanted = {"delivery": delivery, "events_requested": [*REQUESTED], "description": "Ramp"}
    # People are found by their subject at the provider. Version 1.0 of the framework has no such
    # member, but its drafts, Okta and Ramp do.
    answer = _send("POST", metadata.configuration, credentials, wanted | {"format": "iss_sub"})
    if answer.status == 400:
        # A strict transmitter refuses members that it does not know.
        answer = _send("POST", metadata.configuration, credentials, wanted)
    if answer.status not in (200, 201):
        raise _refused("The transmitter did not create the stream", answer)
    return _configuration(answer, is_polled=not push_to)


def read_status(metadata: Metadata, credentials: Credentials, stream_id: str) -> str:
    """Return the status of the stream.

    :raises StreamLost: if the transmitter does not know the stream.
    :raises OutboundError: if it does not answer.
    """
    url = metadata.status or metadata.configuration
    answer = _send("GET", f"{url}?{urlencode({'stream_id': stream_id})}", credentials)
    if answer.status == 404:
        raise StreamLost("stream-lost", "The transmitter does not know the stream any more.")
    if answer.status != 200:
        raise _refused("The transmitter did not tell the state of the stream", answer)
    document = answer.json()
    status = document.get("status") if isinstance(document, dict) else None
    return status if isinstance(status, str) else "enabled"


def ask_for_verification(
    metadata: Metadata, credentials: Credentials, stream_id: str, state: str
) -> None:
    """Have the transmitter send a verification event with this state.

    :raises StreamLost, OutboundError: as `read_status`.
    """
    if not metadata.verification:
        raise OutboundError("no-verification", "The transmitter has no verification endpoint.")
    wanted = {"stream_id": stream_id, "state": state}
    answer = _send("POST", metadata.verification, credentials, wanted)
    if answer.status == 404:
        raise StreamLost("stream-lost", "The transmitter does not know the stream any more.")
    if answer.status not in (200, 202, 204):
        raise _refused("The transmitter did not verify the stream", answer)


def delete_stream(metadata: Metadata, credentials: Credentials, stream_id: str) -> None:
    """Delete the stream, unless the transmitter has done that already.

    :raises OutboundError: if it refuses.
    """
    url = f"{metadata.configuration}?{urlencode({'stream_id': stream_id})}"
    answer = _send("DELETE", url, credentials)
    if answer.status not in (200, 204, 404):
        raise _refused("The transmitter did not delete the stream", answer)


def poll(
    url: str, credentials: Credentials, *, ack: list[str], errors: dict[str, Any], most: int
) -> tuple[dict[str, Any], bool]:
    """Acknowledge tokens, and return the next ones by their `jti`, and whether there are more.

    RFC 8936 section 2.

    :raises StreamLost, OutboundError: as `read_status`.
    """
    wanted: dict[str, Any] = {"maxEvents": most, "returnImmediately": True, "ack": ack}
    if errors:
        wanted["setErrs"] = errors
    answer = _send("POST", url, credentials, wanted)
    if answer.status == 404:
        raise StreamLost("stream-lost", "The transmitter does not know the stream any more.")
    if answer.status != 200:
        raise _refused("The transmitter did not answer the poll", answer)
    document = answer.json()
    sets = document.get("sets") if isinstance(document, dict) else None
    if not isinstance(sets, dict):
        raise OutboundError("not-polled", "The answer to the poll contains no sets.")
    return sets, document.get("moreAvailable") is True


def _url(document: dict[str, Any], name: str, source: str, *, is_needed: bool = False) -> str:
    value = document.get(name)
    if isinstance(value, str) and value:
        safe_http.checked(value)
        return value
    if is_needed:
        raise OutboundError("incomplete-metadata", f"{source} does not contain {name}.")
    return ""


def _configuration(answer: HttpAnswer, *, is_polled: bool) -> StreamConfiguration:
    document = answer.json()
    stream = document if isinstance(document, dict) else {}
    stream_id, audience = stream.get("stream_id"), stream.get("aud")
    delivery = stream.get("delivery")
    endpoint = delivery.get("endpoint_url") if isinstance(delivery, dict) else None
    listed = audience if isinstance(audience, list) else [audience]
    audiences = tuple(one for one in listed if isinstance(one, str) and one)
    if not isinstance(stream_id, str) or not audiences:
        raise OutboundError(
            "incomplete-stream", "The transmitter’s answer has no stream_id or no audience (aud)."
        )
    if is_polled and not isinstance(endpoint, str):
        raise OutboundError("incomplete-stream", "The transmitter’s answer has no address to poll.")
    return StreamConfiguration(
        stream_id=stream_id,
        audience=audiences,
        endpoint=str(endpoint) if is_polled else "",
    )


def _send(method: str, url: str, credentials: Credentials, body: Any = None) -> HttpAnswer:
    answer = _send_once(method, url, credentials.token(), body)
    if answer.status == 401 and credentials.can_renew:
        # The transmitter may have revoked the token before it expired.
        answer = _send_once(method, url, credentials.token(is_refused=True), body)
    return answer


def _send_once(method: str, url: str, token: str, body: Any) -> HttpAnswer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    content = None
    if body is not None:
        content, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    return safe_http.fetch(url, method=method, content=content, headers=headers)


def _refused(what: str, answer: HttpAnswer) -> OutboundError:
    advice = {401: " Check the access token.", 403: " Check what the access token may do."}
    return OutboundError(
        "transmitter-refused", f"{what}: status {answer.status}.{advice.get(answer.status, '')}"
    )
