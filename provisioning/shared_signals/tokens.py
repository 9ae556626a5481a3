"""Checks a security event token of a transmitter.

RFC 8417, and the Shared Signals Framework 1.0, section 4, which forbids `sub` and `exp`. A refusal
has one of the error codes of RFC 8935 section 2.4, which push and poll share.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from django.utils import timezone

from people import strict_json
from people.tokens import token_digest
from provisioning.models import TransmitterStream
from provisioning.oidc import discovery
from provisioning.oidc.discovery import SigningKey
from provisioning.shared_signals import event_types, transmitter

MAX_BYTES: Final = 64 * 1024
TYPES: Final = ("secevent+jwt", "application/secevent+jwt")
# How far the transmitter's clock may be ahead.
LEEWAY: Final = timedelta(minutes=5)
# A transmitter keeps what was not acknowledged. Ramp remembers what it applied for longer.
OLDEST: Final = timedelta(days=30)
# The CAEP interoperability profile requires RSA keys of at least 2048 bits, as this option does.
JWS: Final = jwt.PyJWS(options={"enforce_minimum_key_length": True})


class SignalRefused(Exception):
    """The token is not accepted. `err` is a code of RFC 8935; the message explains it."""

    def __init__(self, err: str, description: str) -> None:
        super().__init__(description)
        self.err = err


@dataclass(frozen=True, kw_only=True)
class Signal:
    """An event of a checked token."""

    # Of the issuer and the `jti`.
    digest: str
    uri: str
    payload: Mapping[str, Any]
    # A subject identifier, which is not checked yet; None if the token has none.
    subject: Any
    occurred_at: datetime
    issued_at: datetime

    @property
    def is_about_stream(self) -> bool:
        return self.uri in (event_types.VERIFICATION, event_types.STREAM_UPDATED)


def read_signal(stream: TransmitterStream, token: str) -> Signal:
    """Return the event of the token.

    :raises SignalRefused: if it is not a token of the stream's transmitter for Ramp.
    :raises OutboundError: if the transmitter's keys are not available.
    """
    if len(token) > MAX_BYTES:
        raise _malformed(f"The token is larger than {MAX_BYTES // 1024} KiB.")
    metadata = transmitter.metadata_of(stream.issuer)
    claims = _claims(token, metadata.jwks)
    if claims.get("iss") != metadata.issuer:
        raise SignalRefused("invalid_issuer", "The token is from another issuer.")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not any(one in stream.audience for one in audiences):
        raise SignalRefused("invalid_audience", "The token is for another audience.")
    issued_at = _issued_at(claims)
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise _malformed("The token has no jti.")
    for claim in ("sub", "exp"):
        if claim in claims:
            raise _malformed(f"A signal must not contain {claim}.")
    uri, payload = _event(claims.get("events"))
    stated = _moment(payload.get("event_timestamp")) or _moment(claims.get("toe"))
    return Signal(
        digest=token_digest(f"{metadata.issuer} {claims['jti']}"),
        uri=uri,
        payload=payload,
        # Okta and Google name the subject in the event, as the drafts of the framework did.
        subject=claims.get("sub_id", payload.get("subject")),
        # Not every transmitter says when the event happened. It cannot be after the token.
        occurred_at=min(stated, issued_at) if stated else issued_at,
        issued_at=issued_at,
    )


def _claims(token: str, jwks: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise _malformed(f"The token is not a JWT: {error}.") from error
    if str(header.get("typ", "")).lower() not in TYPES:
        raise _malformed("The type (typ) of the token is not secevent+jwt.")
    try:
        return discovery.verified(token, jwks, lambda signing: _verified(token, signing))
    except jwt.InvalidSignatureError as error:
        raise SignalRefused(
            "authentication_failed", "The signature of the token is not the transmitter’s."
        ) from error
    except (jwt.InvalidKeyError, jwt.InvalidAlgorithmError) as error:
        raise SignalRefused("invalid_key", f"The token is not accepted: {error}.") from error
    except jwt.PyJWTError as error:
        raise _malformed(f"The token is not a valid JWT: {error}.") from error


def _verified(token: str, signing: SigningKey) -> dict[str, Any]:
    content = JWS.decode(token, signing.key, algorithms=[signing.algorithm])
    try:
        claims = strict_json.read(content)
    except strict_json.UnreadableJson as error:
        raise _malformed(f"The claims of the token are not JSON: {error}.") from error
    if not isinstance(claims, dict):
        raise _malformed("The claims of the token are not an object.")
    return claims


def _issued_at(claims: Mapping[str, Any]) -> datetime:
    issued_at = _moment(claims.get("iat"))
    now = timezone.now()
    if issued_at is None:
        raise _malformed("The token does not say when it was issued (iat).")
    if issued_at > now + LEEWAY:
        raise _malformed("The token was issued in the future (iat). Check the clocks.")
    if issued_at < now - OLDEST:
        raise _malformed(f"The token was issued more than {OLDEST.days} days ago (iat).")
    return issued_at


def _event(events: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(events, dict) or len(events) != 1:
        raise _malformed("The token does not contain exactly one event.")
    [(uri, payload)] = events.items()
    if uri not in event_types.KNOWN:
        raise _malformed("The token contains an event that Ramp did not ask for.")
    if not isinstance(payload, dict):
        raise _malformed("The event is not an object.")
    return uri, payload


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _malformed(description: str) -> SignalRefused:
    return SignalRefused("invalid_request", description)
