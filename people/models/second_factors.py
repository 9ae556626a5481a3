from typing import ClassVar

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class SecondFactor(TenantOwned):
    """The authenticator app of a person, and the recovery codes that are left."""

    person = models.OneToOneField(
        Person, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    # Encrypted by the app that signs people in.
    secret = models.TextField(editable=False)
    # The time step of the last code that was used. Codes up to it are refused, so that nobody can
    # use a code a second time.
    last_step = models.BigIntegerField()
    # Digests of the recovery codes that nobody has used.
    recovery_digests = models.JSONField(default=list)
    created_at = models.DateTimeField()

    objects: ClassVar = TenantManager()

    def __str__(self) -> str:
        return f"Second factor of {self.person_id}"
