from typing import ClassVar

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class AccountSettings(TenantOwned):
    """What a person has chosen on their account page. People without a row have the defaults."""

    class Digest(models.TextChoices):
        """How often an administrator gets the email with what needs attention."""

        DAILY = "daily", "Every day"
        WEEKLY = "weekly", "Every Monday"
        NEVER = "never", "Never"

    person = models.OneToOneField(
        Person, on_delete=models.CASCADE, primary_key=True, related_name="account_settings"
    )
    phone = models.CharField(max_length=40, blank=True)
    # Blank for the zone of the browser.
    time_zone = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=16, choices=Digest, default=Digest.WEEKLY)
    # When the next digest is due; None for people who get none.
    digest_due_at = models.DateTimeField(null=True)

    objects: ClassVar = TenantManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["digest_due_at"],
                name="account_digest_due",
                condition=models.Q(digest_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Account settings of {self.person_id}"
