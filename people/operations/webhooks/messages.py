"""The messages to webhook endpoints, as https://www.standardwebhooks.com specifies them.

Those to signal streams are signed security event tokens (RFC 8417), sent as RFC 8935 specifies.
"""

import base64
import hmac
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from people import secrets
from people.models import Event, WebhookDelivery, WebhookEndpoint
from people.net import safe_http
from people.net.safe_http import HttpAnswer
from people.operations.signals.keys import signer
from people.presentation.audit_log import audit_entries, record_of

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
TEST_KIND: Final = "webhook.test"


def new_secret() -> str:
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def sealed(endpoint: WebhookEndpoint, secret: str) -> str:
    """Return the secret, encrypted for this endpoint only."""
    return secrets.sealed(secret, tenant_id=endpoint.tenant_id, field=_field(endpoint))


def opened(endpoint: WebhookEndpoint, text: str) -> str:
    """Return the decrypted secret.

    :raises SecretLost: if no key decrypts it.
    """
    return secrets.opened(text, tenant_id=endpoint.tenant_id, field=_field(endpoint))


def body_of(delivery: WebhookDelivery) -> str:
    """Return the JSON that is sent. The first attempt stores it, so that all send the same."""
    if delivery.body:
        return delivery.body
    assert delivery.event, "security events have a body from the beginning"
    return event_body(delivery.event)


def event_body(event: Event) -> str:
    """Return the JSON of an event. `data` is the event as the API returns it."""
    [entry] = audit_entries([event])
    return _body(event.kind, event.happened_at, record_of(entry))


def test_body(endpoint: WebhookEndpoint, now: datetime) -> str:
    return _body(TEST_KIND, now, {"endpoint": str(endpoint.pk), "description": str(endpoint)})


def post(endpoint: WebhookEndpoint, webhook_id: str, body: str, *, now: datetime) -> HttpAnswer:
    """Send the body and return the response.

    It is signed with all secrets of the endpoint, or with the company's key for signal streams.

    :raises SecretLost: if a secret cannot be decrypted.
    :raises OutboundError: if the request fails.
    """
    if endpoint.is_stream:
        headers = {"Content-Type": "application/secevent+jwt", "User-Agent": "Ramp-Shared-Signals"}
        if endpoint.secret:
            headers["Authorization"] = opened(endpoint, endpoint.secret)
        content = signer(endpoint.tenant_id)(body)
    else:
        sealed_secrets = filter(None, (endpoint.secret, endpoint.older_secret))
        keys = [opened(endpoint, text) for text in sealed_secrets]
        headers, content = signed_headers(webhook_id, body, keys, now=now), body
    return safe_http.fetch(
        endpoint.url,
        method="POST",
        content=content.encode(),
        headers=headers,
        is_body_needed=False,
    )


def signed_headers(
    webhook_id: str, body: str, keys: Sequence[str], *, now: datetime
) -> dict[str, str]:
    """Return the headers, with a signature for each key."""
    timestamp = str(int(now.timestamp()))
    content = f"{webhook_id}.{timestamp}.{body}".encode()
    signatures = []
    for key in keys:
        secret = base64.b64decode(key.removeprefix(PREFIX))
        digest = hmac.digest(secret, content, "sha256")
        signatures.append(f"v1,{base64.b64encode(digest).decode()}")
    return {
        "Content-Type": "application/json",
        "User-Agent": "Ramp-Webhooks",
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def test_id(endpoint: WebhookEndpoint, now: datetime) -> str:
    return f"msg_test_{endpoint.pk.hex}_{int(now.timestamp() * 1000)}"


def _body(kind: str, happened_at: datetime, data: Mapping[str, Any]) -> str:
    message = {"type": kind, "timestamp": happened_at, "data": data}
    # The API writes UTC as Z, too.
    return orjson.dumps(message, option=orjson.OPT_UTC_Z).decode()


def _field(endpoint: WebhookEndpoint) -> str:
    return f"webhook-endpoint {endpoint.pk}"
