from typing import ClassVar

from django.db import models

from people.tenancy import TenantOwned
from provisioning.models.provider import IdentityProvider


class DirectoryCheck(TenantOwned):
    """The progress of the job that checks people's accounts in a live directory."""

    provider = models.OneToOneField(
        IdentityProvider, on_delete=models.CASCADE, primary_key=True, related_name="check_state"
    )
    tried_at = models.DateTimeField()
    # The key of the last identity that was checked; 0 if the next pass starts from the beginning.
    after = models.BigIntegerField(default=0)
    # Why the last attempt failed: a code and a sentence for administrators; blank if it did not.
    problem = models.CharField(max_length=64, blank=True)
    detail = models.TextField(blank=True)
    # When the last complete pass ended.
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [models.Index(fields=["tried_at"], name="directory_check_tried")]

    def __str__(self) -> str:
        return f"Check of {self.provider}"
