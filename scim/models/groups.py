"""The groups of a provider, their members, and members who have no user yet."""

from typing import ClassVar

from django.db import models
from django_scim.models import AbstractSCIMGroupMixin

from scim.models.resources import ALIVE, Resource, ResourceManager, ScimUser


class ScimGroup(Resource, AbstractSCIMGroupMixin):
    """A Group of RFC 7643 section 4.2: an external group of the connection."""

    scim_display_name = models.CharField(max_length=255)
    display_name_key = models.CharField(max_length=512)
    members: "models.ManyToManyField[ScimUser, ScimMembership]" = models.ManyToManyField(
        ScimUser, through="ScimMembership", related_name="external_groups"
    )

    objects: ClassVar[ResourceManager["ScimGroup"]] = ResourceManager()

    class Meta(Resource.Meta):
        verbose_name = "external group"
        indexes: ClassVar = [
            models.Index(fields=["connection", "id"], name="scim_group_list", condition=ALIVE),
            models.Index(
                fields=["scim_external_id", "connection"],
                name="scim_group_external_id",
                condition=ALIVE & ~models.Q(scim_external_id=""),
            ),
            models.Index(
                fields=["display_name_key", "connection"], name="scim_group_name", condition=ALIVE
            ),
        ]

    def __str__(self) -> str:
        return self.scim_display_name

    def set_scim_display_name(self, is_new: bool) -> None:  # noqa: FBT001
        """Do nothing: django-scim2 would derive the name from another column."""


class ScimMembership(models.Model):
    group = models.ForeignKey(ScimGroup, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(ScimUser, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("group", "user", name="scim_membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"


class ScimSubgroup(models.Model):
    """A group that is a member of another group."""

    group = models.ForeignKey(ScimGroup, on_delete=models.CASCADE, related_name="subgroups")
    member = models.ForeignKey(ScimGroup, on_delete=models.CASCADE, related_name="parents")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("group", "member", name="scim_subgroup_once"),
        ]

    def __str__(self) -> str:
        return f"{self.member} in {self.group}"


class ScimWaitingMember(models.Model):
    """A group member who has no user on the connection yet."""

    group = models.ForeignKey(ScimGroup, on_delete=models.CASCADE, related_name="waiting_members")
    # The id, externalId or userName that the provider sent.
    value = models.CharField(max_length=255)
    # The case-folded value, as `ScimUser.user_name_key`. Blank in rows of the version before.
    value_key = models.CharField(max_length=512, default="", db_default="")
    # The value as an id; None if it is none.
    value_id = models.UUIDField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("group", "value", name="scim_waiting_member_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["value_key"], name="scim_waiting_member_key")]

    def __str__(self) -> str:
        return f"{self.value} for {self.group}"
