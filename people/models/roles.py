"""Custom roles of a tenant, and the grants of roles with their sources."""

from typing import ClassVar

from django.db import models

from people.models.organization import NamedModel
from people.models.person import Person
from people.tenancy import TenantOwned
from people.values import VIA_MAPPING


class Role(NamedModel):
    """A custom role. An elevated one gives its holders the rank of an administrator."""

    is_elevated = models.BooleanField(
        "elevated",
        default=False,
        help_text=(
            "Holders are linked to an identity provider only after an administrator confirms it, "
            "and are never terminated automatically."
        ),
    )

    class Meta(NamedModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("tenant", "name_key", name="role_name_taken"),
        ]


class Grant(TenantOwned):
    """A role that a person has from one source. Other sources may grant the same role.

    It is a custom role, or a base role that a mapping grants. While a mapping raises a person's
    base role, another row keeps their own base role and its source.
    """

    MAX_REASON_LENGTH: ClassVar = 1000

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="grants")
    role: "models.ForeignKey[Role | None, Role | None]" = models.ForeignKey(
        Role, on_delete=models.PROTECT, null=True, related_name="grants"
    )
    base_role = models.CharField(max_length=32, blank=True, choices=Person.Role)
    # An actor, such as "person:olga@example.com", or "mapping:<source>:<mapping>".
    source = models.CharField(max_length=255)
    # The description of the mapping: "the group “Finance” of Acme's directory".
    because = models.CharField(max_length=MAX_REASON_LENGTH, blank=True)
    since = models.DateTimeField()
    # When the source last confirmed it, such as the last sign-in with the group.
    confirmed_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("person", "role", "source", name="grant_once_a_source"),
            models.UniqueConstraint(
                "person",
                "base_role",
                "source",
                name="grant_of_base_role_once_a_source",
                condition=models.Q(role=None),
            ),
            models.CheckConstraint(
                name="grant_of_one_role",
                condition=models.Q(role=None) & ~models.Q(base_role="")
                | models.Q(role__isnull=False, base_role=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role_name} from {self.source}"

    @property
    def role_name(self) -> str:
        return self.role.name if self.role else Person.Role(self.base_role).label

    @property
    def is_mapped(self) -> bool:
        return self.source.startswith(VIA_MAPPING)
