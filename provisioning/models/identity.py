from typing import ClassVar

from django.db import models

from people.models import Person
from people.tenancy import TenantOwned
from provisioning.models.account_status import AccountStatus
from provisioning.models.provider import IdentityProvider


class Identity(TenantOwned):
    """The person behind a provider's subject. A trigger makes all three immutable."""

    class How(models.TextChoices):
        CREATED = "created", "added at the first sign-in"
        PAIRED = "paired", "found by the pairing with SCIM"
        INVITED = "invited", "came by an invite"
        LINKED = "linked", "linked it while signed in"
        SHARED = "shared", "came through another provider of the same directory"
        CONFIRMED = "admin", "linked by an administrator"

    provider = models.ForeignKey(
        IdentityProvider, on_delete=models.PROTECT, related_name="identities"
    )
    # `sub`, for Entra "tid/oid", an entryUUID or objectGUID, or without a directory the whole
    # Kerberos principal. Never an address.
    subject = models.CharField(max_length=255)
    # The issuer or directory of the subject. A subject is only unique together with it.
    authority = models.TextField(blank=True, default="")
    # The account in the last Windows ticket. It finds the identity while the directory is down.
    account = models.CharField(max_length=255, blank=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="identities")
    how = models.CharField(max_length=8, choices=How)
    # The values that the provider stated last: {"email": …, "given_name": …, "family_name": …,
    # "name": …}; "claims" are those of the last sign-in that may list groups. The column keeps its
    # first name, because a renamed column breaks the version that still runs during a deployment.
    stated_values = models.JSONField(default=dict, db_column="said")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    # When the provider last sent their groups; None if it never has.
    groups_seen_at = models.DateTimeField(null=True)
    # The account's status at the last check of a live directory, and since when.
    status = models.CharField(max_length=20, blank=True, choices=AccountStatus.choices)
    status_since = models.DateTimeField(null=True)
    # When it stopped working: the person left, or another identity replaced it.
    retired_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "identities"
        constraints: ClassVar = [
            models.UniqueConstraint(
                "provider",
                "subject",
                name="identity_subject_taken",
                condition=models.Q(retired_at=None),
            ),
            # Two accounts with the same paired value must not sign in as one person.
            models.UniqueConstraint(
                "provider",
                "person",
                name="identity_once_a_provider",
                condition=models.Q(retired_at=None),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "first_seen_at"], name="identity_first_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.provider}"
