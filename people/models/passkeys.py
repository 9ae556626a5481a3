from typing import ClassVar

from django.db import models

from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class Passkey(TenantOwned):
    """A passkey of a person (W3C Web Authentication), used instead of codes after a password."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    # As the person named it.
    name = models.CharField(max_length=60)
    # The identifier that the authenticator chose, in base64url.
    credential_id = models.TextField(editable=False)
    # The attested credential data (section 6.5.1), which contain the public key.
    credential = models.BinaryField()
    # Authenticators that count signatures send a higher number each time, others always 0.
    sign_count = models.BigIntegerField()
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    objects: ClassVar = TenantManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "credential_id"], name="passkey_of_person")
        ]

    def __str__(self) -> str:
        return f"Passkey {self.name}"
