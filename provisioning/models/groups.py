"""The groups of a provider, their members as seen at sign-ins, and their mappings to roles."""

from typing import ClassVar, Self

from django.db import models

from people.models.group_mappings import AbstractGroupMapping, mapping_constraints
from people.tenancy import TenantManager, TenantOwned
from provisioning.models.identity import Identity
from provisioning.models.provider import IdentityProvider


class ExternalGroup(TenantOwned):
    """A group that a sign-in has sent."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.PROTECT, related_name="groups")
    # The provider's id, or the name if it sends no ids. Compared exactly.
    external_id = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    last_seen_at = models.DateTimeField()
    members: "models.ManyToManyField[Identity, GroupMembership]" = models.ManyToManyField(
        Identity, through="GroupMembership", related_name="groups"
    )

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("provider", "external_id", name="external_group_once"),
        ]

    def __str__(self) -> str:
        return self.name


class GroupMembership(models.Model):
    group = models.ForeignKey(ExternalGroup, on_delete=models.CASCADE, related_name="memberships")
    identity = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("group", "identity", name="group_membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.identity} in {self.group}"


class MappingQuerySet(models.QuerySet["GroupMapping"]):
    def in_force(self) -> Self:
        """Keep the mappings that grant roles now, including those whose removal is drafted."""
        return self.exclude(draft=GroupMapping.Draft.ADDED)


MappingManager = TenantManager.from_queryset(MappingQuerySet)


class GroupMapping(AbstractGroupMapping):
    """Members of this group at the provider get this role: a base role or a custom role."""

    class Draft(models.TextChoices):
        NONE = "", "in force"
        ADDED = "added", "to be added"
        REMOVED = "removed", "to be removed"

    provider = models.ForeignKey(
        IdentityProvider, on_delete=models.PROTECT, related_name="mappings"
    )
    # Compared exactly with ExternalGroup.external_id; the name is only shown.
    external_id = models.CharField(max_length=500)
    group_name = models.CharField(max_length=500)
    # True for a directory group that no sign-in has sent yet: `external_id` is its name, until a
    # sign-in sends the only group of that name, and then that group's id.
    by_name = models.BooleanField(default=False)
    draft = models.CharField(max_length=8, blank=True, choices=Draft)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar = MappingManager()

    class Meta(AbstractGroupMapping.Meta):
        constraints: ClassVar = mapping_constraints("mapping", "provider", "external_id")

    @property
    def group_source(self) -> IdentityProvider:
        return self.provider

    @property
    def group_key(self) -> str:
        return self.external_id

    @property
    def group_title(self) -> str:
        return self.group_name
