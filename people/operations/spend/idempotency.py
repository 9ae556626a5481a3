"""Authorizing a purchase once, however often the program asks with the same key."""

import hashlib
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from people import tenancy
from people.models import ApiToken, Authorization, Card, Fund, IdempotencyKey
from people.operations.spend.cards_and_funds import Purchase, authorize
from people.values import PeopleError

KEPT: Final = timedelta(hours=24)


class IdempotencyKeyReused(PeopleError):
    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another purchase. Use a new key for a new purchase."
        )


@transaction.atomic
def authorize_once(
    held: Card | Fund, purchase: Purchase, *, token: ApiToken, key: str
) -> tuple[Authorization, bool]:
    """Decide about the purchase, or return what was decided, and tell whether it was before.

    :raises IdempotencyKeyReused: if the token sent the key with another purchase.
    """
    asked = repr((type(held).__name__, str(held.pk), *astuple(purchase)))
    digest = hashlib.sha256(asked.encode()).hexdigest()
    # Of two requests at once, the second waits here until the first has decided.
    kept, is_new = IdempotencyKey.objects.get_or_create(
        token=token, key=key, defaults={"tenant_id": token.tenant_id, "request_digest": digest}
    )
    if kept.request_digest != digest:
        raise IdempotencyKeyReused
    if not is_new:
        assert kept.authorization, "it is stored with the answer"
        return kept.authorization, True
    kept.authorization = authorize(held, purchase)
    kept.save(update_fields=["authorization"])
    return kept.authorization, False


def forget_idempotency_keys(*, as_of: datetime) -> int:
    """Delete keys older than 24 hours; their authorizations stay."""
    with tenancy.across_tenants():
        return int(IdempotencyKey.objects.filter(created_at__lt=as_of - KEPT).delete()[0])
