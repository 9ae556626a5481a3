from typing import ClassVar

from django.db import models

from people.tenancy import TenantOwned
from provisioning.models.provider import IdentityProvider


class ProviderSession(TenantOwned):
    """A session here that began at an OpenID provider, which may end it from there."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=40, unique=True)
    # The provider's own session, where it names it, and whose it is.
    sid = models.CharField(max_length=255, blank=True)
    subject = models.CharField(max_length=255)
    began_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["provider", "sid"], name="provider_session_sid"),
            models.Index(fields=["provider", "subject"], name="provider_session_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} through {self.provider}"
