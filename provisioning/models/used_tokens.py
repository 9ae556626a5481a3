from typing import ClassVar

from django.db import models

from people.tenancy import TenantOwned
from provisioning.models.provider import IdentityProvider


class UsedToken(TenantOwned):
    """A token of a provider that works once, and was used."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="+")
    # Of its `jti`.
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "digest"], name="token_used_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["provider", "used_at"], name="used_token_time"),
        ]

    def __str__(self) -> str:
        return f"A token of {self.provider}"
