"""What Schemathesis must know to make valid requests; its process loads it (SCHEMATHESIS_HOOKS)."""

import os
from base64 import b64encode
from typing import Any
from uuid import UUID

import schemathesis
from hypothesis import strategies

# Each list takes these, because they name no row: the last page, and an offset.
CURSORS = [b64encode(text.encode()).decode() for text in ("r=1", "o=1", "o=2&r=1")]
# A card that exists. Without it, nothing would be authorized.
CARD = os.environ.get("SCHEMATHESIS_CARD")

schemathesis.openapi.format("cursor", strategies.sampled_from(CURSORS))


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    if CARD and _is_id(body.get("card")):
        body = body | {"card": CARD}
    amount = body.get("amount")
    if isinstance(amount, float) and amount.is_integer():
        # JSON Schema takes 12.0 for an integer. Ramp does not, because it could mean 12.00 EUR.
        body = body | {"amount": int(amount)}
    return body


def _is_id(value: Any) -> bool:
    try:
        return bool(str(UUID(value)) == value)
    except (ValueError, TypeError, AttributeError):
        return False
