from typing import ClassVar

from django.db import models

from people.db.models import DeferrableModel
from people.models.person import Person
from people.tenancy import TenantOwned


class FormerAddress(DeferrableModel, TenantOwned):
    """An earlier address of a person. It cannot sign in, but references to it may still resolve."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="former_addresses")
    email = models.EmailField(max_length=254)
    # Normalized, as Person.email_key. Several people may have had it one after another.
    email_key = models.CharField(max_length=512)
    until = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        verbose_name_plural = "former addresses"
        indexes: ClassVar = [
            models.Index(fields=["email_key", "tenant"], name="former_address_found"),
        ]

    def __str__(self) -> str:
        return self.email
