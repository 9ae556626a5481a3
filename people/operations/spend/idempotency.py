"""Authorizes a purchase only once for all requests with the same idempotency key."""

import hashlib
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from people import tenancy
from people.models import ApiToken, Authorization, Card, Fund, IdempotencyKey
from people.operations.spend.cards_and_funds import Purchase, authorize
from people.values import PeopleError

KEY_LIFETIME: Final = timedelta(hours=24)


class IdempotencyKeyReused(PeopleError):
    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another purchase. Use a new key for a new purchase."
        )


@transaction.atomic
def authorize_once(
    instrument: Card | Fund, purchase: Purchase, *, token: ApiToken, key: str
) -> tuple[Authorization, bool]:
    """Authorize the purchase, or return the earlier decision for the same key.

    :returns: the decision, and whether it was made before.
    :raises IdempotencyKeyReused: if the token sent the key with another purchase.
    """
    # repr() keeps the values apart: joined texts of different purchases could be equal.
    fingerprint = repr((type(instrument).__name__, str(instrument.pk), *astuple(purchase)))
    digest = hashlib.sha256(fingerprint.encode()).hexdigest()
    # A concurrent request with the same key waits here, at the unique index, for the first one.
    stored, is_new = IdempotencyKey.objects.get_or_create(
        token=token, key=key, defaults={"tenant_id": token.tenant_id, "request_digest": digest}
    )
    if stored.request_digest != digest:
        raise IdempotencyKeyReused
    if not is_new:
        assert stored.authorization, "it is stored in the same transaction as the key"
        return stored.authorization, True
    stored.authorization = authorize(instrument, purchase)
    stored.save(update_fields=["authorization"])
    return stored.authorization, False


def forget_idempotency_keys(*, as_of: datetime) -> int:
    """Delete keys older than 24 hours. Their authorizations stay."""
    with tenancy.across_tenants():
        return int(IdempotencyKey.objects.filter(created_at__lt=as_of - KEY_LIFETIME).delete()[0])
