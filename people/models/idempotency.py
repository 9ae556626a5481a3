from typing import ClassVar

from django.db import models
from django.utils import timezone

from people.models.api_tokens import ApiToken
from people.models.spend import Authorization
from people.tenancy import TenantOwned


class IdempotencyKey(TenantOwned):
    """A key that a program sent with a purchase, so that it can repeat the request safely."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    # The digest of the purchase, to refuse the same key for another purchase.
    request_digest = models.CharField(max_length=64)
    # None only inside the transaction that decides.
    authorization = models.ForeignKey(
        Authorization, on_delete=models.CASCADE, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token", "key"], name="idempotency_key_taken"),
        ]

    def __str__(self) -> str:
        return self.key
