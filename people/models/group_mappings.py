"""What the group mappings of SCIM connections and of sign-in providers have in common."""

from typing import Any

from django.db import models

from people.models.person import Person
from people.models.roles import Role
from people.tenancy import TenantOwned
from people.values import VIA_MAPPING, Actor


class GroupSource(TenantOwned):
    """A SCIM connection or a sign-in provider, whose groups can grant roles."""

    class Meta(TenantOwned.Meta):
        abstract = True

    @property
    def actor(self) -> Actor:
        raise NotImplementedError

    @property
    def mapping_origin(self) -> str:
        """Return the beginning of `Grant.source` of all grants that its mappings make."""
        return f"{VIA_MAPPING}{self.pk}:"


class AbstractGroupMapping(TenantOwned):
    """Grants the members of a group a role: a base role or a custom role.

    `scim` and `provisioning` store groups differently, so each has a subclass that adds the group.
    """

    base_role = models.CharField(max_length=32, blank=True, choices=Person.Role)
    role: "models.ForeignKey[Role | None, Role | None]" = models.ForeignKey(
        Role, on_delete=models.PROTECT, null=True, blank=True, related_name="%(app_label)s_mappings"
    )

    class Meta(TenantOwned.Meta):
        abstract = True

    def __str__(self) -> str:
        return f"{self.group_title} → {self.role_name}"

    @property
    def group_source(self) -> GroupSource:
        raise NotImplementedError

    @property
    def group_key(self) -> Any:
        """Return the value that identifies the group among those of its source."""
        raise NotImplementedError

    @property
    def group_title(self) -> str:
        raise NotImplementedError

    @property
    def any_role(self) -> Role | Person.Role:
        return self.role or Person.Role(self.base_role)

    @property
    def role_name(self) -> str:
        return self.role.name if self.role else Person.Role(self.base_role).label

    @property
    def source(self) -> str:
        """Return the `Grant.source` of the grants that the mapping makes."""
        return f"{self.group_source.mapping_origin}{self.pk}"

    @property
    def because(self) -> str:
        return f"the group “{self.group_title}” of {self.group_source}"


def role_values(role: Role | Person.Role) -> dict[str, Any]:
    """Return the field values of a mapping that grants the role."""
    is_custom = isinstance(role, Role)
    return {"base_role": "" if is_custom else role, "role": role if is_custom else None}


def mapping_constraints(prefix: str, *group: str) -> list[models.BaseConstraint]:
    """Return the constraints of a subclass: one role a mapping, and each role once a group.

    `group` names the fields that identify the group.
    """
    has_base_role, has_custom_role = models.Q(role=None), models.Q(role__isnull=False)
    return [
        # Two constraints, because NULL counts as different from NULL, and `role` is NULL for a base
        # role.
        models.UniqueConstraint(
            *group, "base_role", name=f"{prefix}_to_base_role_once", condition=has_base_role
        ),
        models.UniqueConstraint(
            *group, "role", name=f"{prefix}_to_role_once", condition=has_custom_role
        ),
        models.CheckConstraint(
            name=f"{prefix}_to_one_role",
            condition=has_base_role & ~models.Q(base_role="")
            | models.Q(role__isnull=False, base_role=""),
        ),
    ]
