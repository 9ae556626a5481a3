from typing import ClassVar

from django.db import models

from people.tenancy import TenantOwned
from provisioning.models.provider import IdentityProvider


class ProviderSession(TenantOwned):
    """A session that began at an OpenID provider, so that its back-channel logout can end it."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=40, unique=True)
    # The provider's session id, if it sends one, and the subject.
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
