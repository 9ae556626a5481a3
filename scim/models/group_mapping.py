from typing import ClassVar

from django.db import models

from people.models import Person, Role
from people.tenancy import TenantOwned
from people.values import VIA_MAPPING
from scim.models.connection import Connection
from scim.models.resources import ScimGroup


class GroupMapping(TenantOwned):
    """Grants the members of a group of the connection a role: a base role or a custom one."""

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="group_mappings"
    )
    group = models.ForeignKey(ScimGroup, on_delete=models.PROTECT, related_name="mappings")
    base_role = models.CharField(max_length=32, blank=True, choices=Person.Role)
    role: "models.ForeignKey[Role | None, Role | None]" = models.ForeignKey(
        Role, on_delete=models.PROTECT, null=True, blank=True, related_name="scim_mappings"
    )

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                "group",
                "base_role",
                name="scim_mapping_to_base_role_once",
                condition=models.Q(role=None),
            ),
            models.UniqueConstraint(
                "group",
                "role",
                name="scim_mapping_to_role_once",
                condition=models.Q(role__isnull=False),
            ),
            models.CheckConstraint(
                name="scim_mapping_to_one_role",
                condition=models.Q(role=None) & ~models.Q(base_role="")
                | models.Q(role__isnull=False, base_role=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group} → {self.role_name}"

    @property
    def any_role(self) -> Role | Person.Role:
        return self.role or Person.Role(self.base_role)

    @property
    def role_name(self) -> str:
        return self.role.name if self.role else Person.Role(self.base_role).label

    @property
    def source(self) -> str:
        """Return what stands as the source of the grants it makes."""
        return f"{mapping_origin(self.connection)}{self.pk}"

    @property
    def because(self) -> str:
        return f"the group “{self.group}” of {self.connection}"


def mapping_origin(connection: Connection) -> str:
    """Return how the sources of the grants begin that the connection's mappings make."""
    return f"{VIA_MAPPING}{connection.pk}:"
