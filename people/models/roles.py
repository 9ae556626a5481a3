"""Roles that a tenant defines, and who has them from where. The base role is the person's own."""

from typing import ClassVar

from django.db import models

from people.models.organisation import Named
from people.models.person import Person
from people.tenancy import TenantOwned


class Role(Named):
    """A role besides the base role. An elevated one protects its holders like an Admin's."""

    is_elevated = models.BooleanField(
        "elevated",
        default=False,
        help_text=(
            "Whoever holds it is linked to an identity provider only by an administrator's "
            "click, and never terminated automatically."
        ),
    )

    class Meta(Named.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("tenant", "name_key", name="role_name_taken"),
        ]


class Grant(TenantOwned):
    """A role that a person has from one source; from another one they may have it too."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="grants")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="grants")
    # An actor: "person:olga@example.com", or the mapping that gave it.
    source = models.CharField(max_length=255)
    since = models.DateTimeField()
    confirmed_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("person", "role", "source", name="grant_once_a_source"),
        ]

    def __str__(self) -> str:
        return f"{self.role} from {self.source}"
