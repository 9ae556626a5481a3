"""SCIM resources as the provider sent them.

People are updated from these rows, and never the other way round: SCIM reads and filters use only
these tables. The row of a deleted resource stays, so that a person who returns can keep their id.
"""

from typing import ClassVar, TypeVar
from uuid import uuid4

from django.db import models
from django_scim.models import AbstractSCIMUserMixin

from people.db.models import DeferrableModel
from people.models import Person
from people.tenancy import TenantManager, TenantOwned
from scim.models.connection import Connection

Row = TypeVar("Row", bound="Resource")


class ResourceManager(TenantManager[Row]):
    def known_to(self, connection: Connection) -> models.QuerySet[Row]:
        """Return the resources that the connection may see: its own ones that are not deleted."""
        return self.get_queryset().filter(connection=connection, deleted_at=None)


class Resource(TenantOwned):
    """The columns of users and groups. Lists are ordered by primary key, which never changes."""

    # Not indexed by tenant alone: resources are found by connection.
    tenant = models.ForeignKey(
        "people.Tenant", on_delete=models.PROTECT, related_name="+", editable=False, db_index=False
    )
    # An index on the connection alone would find all its resources, and PostgreSQL would choose it
    # while the table is new and has no statistics. So every index begins with a more selective
    # column.
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    scim_id = models.UUIDField(unique=True, default=uuid4, editable=False)
    scim_external_id = models.CharField(max_length=500, blank=True)
    # The canonical document without id, groups, members and meta, which are added on reading.
    document = models.JSONField()
    # The same as text, in the provider's order (jsonb sorts keys), so that a read only copies it.
    rendered = models.TextField()
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)
    # Whether the resource may have unresolved sync errors; if not, a write need not query them.
    has_errors = models.BooleanField(default=False)

    class Meta(TenantOwned.Meta):
        abstract = True

    def set_scim_id(self, is_new: bool) -> None:  # noqa: FBT001
        """Do nothing: django-scim2 would replace the SCIM id by the primary key."""


class ScimUserManager(ResourceManager["ScimUser"]):
    def managing(self) -> models.QuerySet["ScimUser"]:
        """Return the resources by which connected providers manage people."""
        return self.get_queryset().filter(deleted_at=None, connection__disconnected_at=None)


ALIVE = models.Q(deleted_at=None)
GONE = models.Q(deleted_at__isnull=False)


class ScimUser(DeferrableModel, Resource, AbstractSCIMUserMixin):
    """A User of RFC 7643 section 4.1; it has no person while it is incomplete."""

    class Problem(models.TextChoices):
        NONE = "", "none"
        INCOMPLETE = "incomplete", "incomplete"
        WAITING = "waiting", "waiting for the manager"

    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, related_name="scim_users"
    )
    scim_username = models.CharField(max_length=255)
    user_name_key = models.CharField(max_length=512)
    # The case-folded email address, by which other users may refer to it as their manager.
    email_key = models.CharField(max_length=512, blank=True)
    active = models.BooleanField(default=True)
    problem = models.CharField(max_length=16, choices=Problem, blank=True)
    # The case-folded reference to a manager who cannot be found yet.
    waiting_manager = models.CharField(max_length=500, blank=True)

    objects: ClassVar[ScimUserManager] = ScimUserManager()

    # The groups by id and name, if they were loaded with the row.
    related: list[tuple[str, str]]

    class Meta(Resource.Meta):
        verbose_name = "SCIM user"
        constraints: ClassVar = [
            models.UniqueConstraint(
                "user_name_key", "connection", name="scim_user_name_taken", condition=ALIVE
            ),
            models.UniqueConstraint(
                "person",
                name="scim_user_of_person",
                condition=ALIVE & models.Q(person__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["connection", "id"], name="scim_user_list", condition=ALIVE),
            models.Index(fields=["email_key", "connection"], name="scim_user_email"),
            models.Index(
                fields=["user_name_key", "connection"], name="scim_user_gone", condition=GONE
            ),
            # Not unique: the provider alone manages externalIds (RFC 7643 section 3.1).
            models.Index(
                fields=["scim_external_id", "connection"],
                name="scim_user_external_id",
                condition=ALIVE & ~models.Q(scim_external_id=""),
            ),
            models.Index(
                fields=["scim_external_id", "connection"],
                name="scim_user_gone_external_id",
                condition=GONE,
            ),
            models.Index(
                fields=["waiting_manager", "connection"],
                name="scim_user_waiting",
                condition=~models.Q(waiting_manager=""),
            ),
            # For the filter `active eq false`: few users of a connection are inactive.
            models.Index(
                fields=["connection", "id"],
                name="scim_user_inactive",
                condition=ALIVE & models.Q(active=False),
            ),
        ]

    def __str__(self) -> str:
        return self.scim_username


class ScimUserElement(models.Model):
    """One value of a multi-valued attribute, as a separate row for filters."""

    user = models.ForeignKey(ScimUser, on_delete=models.CASCADE, related_name="elements")
    attribute = models.CharField(max_length=32)
    # The value with every string case-folded: {"value": "ada@example.com", "type": "work"}.
    element = models.JSONField()
    # Its `value`, case-folded and cut to a length that an index accepts.
    value_key = models.CharField(max_length=512, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["attribute", "value_key"], name="scim_user_element_found"),
        ]

    def __str__(self) -> str:
        return f"{self.attribute} {self.value_key}"
