from collections.abc import Iterator
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models
from django.db.models.functions import Coalesce, Upper
from django.db.models.lookups import IsNull
from django.utils.crypto import salted_hmac

from people.db.models import DeferrableModel
from people.models.field_table import PROFILE, READERS
from people.models.organization import Department, Location
from people.models.tenant import Tenant
from people.tenancy import TenantManager
from people.values import VIA_SCIM, Actor, Profile, normalize_key


def by_name_without_index() -> tuple[Any, ...]:
    """Return the order of lists, for a few people who are found by another index.

    For the first page, PostgreSQL would otherwise read everybody in the order of `person_list`
    until it has found enough of these few.
    """
    return Coalesce("family_name", models.Value("")), "given_name", "pk"


class PersonQuerySet(models.QuerySet["Person"]):
    def in_lists(self) -> Self:
        """Leave out terminated people, whom lists hide by default."""
        return self.exclude(state=Person.State.TERMINATED)

    def having_address(self, email: str) -> Self:
        """Keep the people who have the address, without those who would release it."""
        holders = self.in_lists().filter(email_key=normalize_key(email), detached_at=None)
        return holders.exclude(email_key="")

    def with_email_key(self, *keys: str) -> Self:
        """Keep the people with one of these keys, terminated ones included.

        Each of the two conditions is that of a partial index on the key.
        """
        present = ~models.Q(state=Person.State.TERMINATED) & ~models.Q(email_key="")
        former = models.Q(state=Person.State.TERMINATED)
        return self.filter(
            present & models.Q(email_key__in=keys) | former & models.Q(email_key__in=keys)
        )

    def active_owners(self) -> Self:
        return self.filter(state=Person.State.ACTIVE, role=Person.Role.OWNER)

    def active_administrators(self) -> Self:
        return self.filter(state=Person.State.ACTIVE, role__in=Person.ADMINISTERING)

    def deactivated_via_scim(self) -> Self:
        """Keep the inactive people whom an identity provider deactivated."""
        return self.filter(state=Person.State.INACTIVE, deactivated_by__startswith=VIA_SCIM)

    def with_is_manager(self) -> Self:
        """Annotate `has_reports`. Manager is a derived role and is not stored."""
        reports = Person.objects.in_lists().filter(manager=models.OuterRef("pk"))
        # Not Exists, for which PostgreSQL would first read the reports of everybody.
        first = models.Subquery(reports.values("pk")[:1])
        return self.annotate(has_reports=IsNull(first, rhs=False))

    def managing(self, *, somebody: bool = True) -> Self:
        """Keep the people who have reports, or with False those who have none."""
        people: Any = self.with_is_manager()
        managers: Self = people.filter(has_reports=somebody)
        return managers

    def matching(self, text: str) -> Self:
        """Keep the people whose name or address contains every word."""
        people = self
        for word in text.split():
            people = people.filter(
                models.Q(given_name__icontains=word)
                | models.Q(family_name__icontains=word)
                | models.Q(email__icontains=word)
            )
        return people


class PersonManager(TenantManager["Person"].from_queryset(PersonQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, email: str) -> "Person":
        person: Person = self.get(email=email)
        return person


class Person(DeferrableModel, AbstractBaseUser):
    """Someone who works for a tenant, or did. People are never deleted."""

    class State(models.TextChoices):
        INVITED = "invited"
        ACTIVE = "active"
        INACTIVE = "inactive"
        TERMINATED = "terminated"

    class Role(models.TextChoices):
        OWNER = "BUSINESS_OWNER", "Owner"
        ADMIN = "BUSINESS_ADMIN", "Admin"
        CARDHOLDER = "BUSINESS_USER", "Cardholder"
        BOOKKEEPER = "BUSINESS_BOOKKEEPER", "Bookkeeper"
        GUEST = "GUEST_USER", "Guest"
        IT_ADMIN = "IT_ADMIN", "IT Admin"

    ADMINISTERING: ClassVar = (Role.OWNER, Role.ADMIN, Role.IT_ADMIN)

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    # No index on tenant alone, because the index `person_list` begins with it.
    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="+", editable=False, db_index=False
    )
    given_name = models.CharField("first name", max_length=200)
    family_name = models.CharField("last name", max_length=200)
    # Blank after another person has got the address of a leaver.
    email = models.EmailField("email", max_length=254)
    # The normalized address. It is unique among the tenant's people who are not terminated. It can
    # be longer than the address, because case folding turns “ß” into “ss”.
    email_key = models.CharField(max_length=512, editable=False)
    # A new address that is not confirmed yet. Until then, the person signs in with the old one.
    pending_email = models.EmailField(max_length=254, blank=True, editable=False)
    # No indexes on department or location alone: `person_of_department` and `person_of_location`.
    department = models.ForeignKey(
        Department,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="people",
        db_index=False,
    )
    location = models.ForeignKey(
        Location,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="people",
        db_index=False,
    )
    manager = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reports"
    )
    role = models.CharField(max_length=32, choices=Role, default=Role.CARDHOLDER)
    # The actor or the group mapping that gave the base role, as in `Grant.source`.
    role_source = models.CharField(max_length=255, editable=False)
    role_assigned_at = models.DateTimeField(editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.INVITED, editable=False)
    # When they first accepted an invite or signed in. A reactivation makes people without it
    # invited, and others active.
    joined_at = models.DateTimeField(null=True, editable=False)
    deactivated_at = models.DateTimeField(null=True, editable=False)
    deactivated_by = models.CharField(max_length=255, blank=True, editable=False)
    terminated_at = models.DateTimeField(null=True, editable=False)
    # When the identity provider deleted them. Since then another person may get their address,
    # and a reactivation means `start_over`.
    detached_at = models.DateTimeField(null=True, editable=False)
    # Elevated roles that a returned person had, by Role value or "role:<key>", until an
    # administrator decides: {"BUSINESS_ADMIN": "asked"}, or "declined".
    withheld_roles = models.JSONField(default=dict, blank=True, editable=False)
    # When a guest is deactivated, unless an administrator changes the day.
    deactivates_at = models.DateTimeField(null=True, editable=False)
    # Sessions and tokens store the epoch in which they began. Increasing it ends them.
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    # Operators run the installation. They see the list of tenants, but no data of a tenant.
    is_operator = models.BooleanField(default=False, editable=False)
    # The connection that manages each field: {"department": {"by": "scim:okta", "since": …}}.
    managed_fields = models.JSONField(default=dict, blank=True, editable=False)
    # Since when each managed field has a value from an administrator. The sync cycle restores the
    # provider's value, and finds the person by the latest of these times.
    manually_overridden_fields = models.JSONField(default=dict, blank=True, editable=False)
    manually_overridden_at = models.DateTimeField(null=True, editable=False)
    # The values of custom fields, by external name.
    custom_values = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # Programs read the people who changed since a time. An operation that changes something that
    # the API shows of a person, such as their roles, also saves this field.
    changed_at = models.DateTimeField(auto_now=True)

    objects = PersonManager()

    USERNAME_FIELD = "email"

    class Meta:
        verbose_name_plural = "people"
        constraints: ClassVar = [
            models.UniqueConstraint(
                "email_key",
                "tenant",
                name="person_email_taken",
                condition=~models.Q(state="terminated") & ~models.Q(email_key=""),
            ),
            models.CheckConstraint(
                name="person_not_own_manager",
                condition=models.Q(manager=None) | ~models.Q(manager=models.F("id")),
            ),
            models.CheckConstraint(
                name="person_state_known",
                condition=models.Q(state__in=["invited", "active", "inactive", "terminated"]),
            ),
            models.CheckConstraint(
                name="person_role_known",
                condition=models.Q(
                    role__in=[
                        *("BUSINESS_OWNER", "BUSINESS_ADMIN", "BUSINESS_USER"),
                        *("BUSINESS_BOOKKEEPER", "GUEST_USER", "IT_ADMIN"),
                    ]
                ),
            ),
            models.CheckConstraint(
                name="person_invited_never_joined",
                condition=~models.Q(state="invited") | models.Q(joined_at=None),
            ),
            models.CheckConstraint(
                name="person_inactive_since",
                condition=~models.Q(state="inactive") | models.Q(deactivated_at__isnull=False),
            ),
            models.CheckConstraint(
                name="person_terminated_since",
                condition=models.Q(state="terminated", terminated_at__isnull=False)
                | (~models.Q(state="terminated") & models.Q(terminated_at=None)),
            ),
        ]
        indexes: ClassVar = [
            # In the order of the People page.
            models.Index(fields=["tenant", "family_name", "given_name", "id"], name="person_list"),
            models.Index(fields=["tenant", "state"], name="person_state"),
            # With all columns of the condition, so that PostgreSQL counts without reading rows.
            models.Index(fields=["department", "state", "tenant"], name="person_of_department"),
            models.Index(fields=["location", "state", "tenant"], name="person_of_location"),
            # The order in which the API returns people who changed.
            models.Index(fields=["tenant", "changed_at", "id"], name="person_changed"),
            models.Index(
                fields=["email_key", "tenant"],
                name="person_terminated_email",
                condition=models.Q(state="terminated"),
            ),
            models.Index(
                # The few who have not confirmed a new address.
                Upper("pending_email"),
                "tenant",
                name="person_pending_email",
                condition=~models.Q(pending_email=""),
            ),
            models.Index(
                fields=["tenant", "role"],
                name="person_other_role",
                condition=~models.Q(role="BUSINESS_USER"),
            ),
            models.Index(fields=["tenant"], name="person_at_top", condition=models.Q(manager=None)),
            models.Index(
                # Few where people sign in through a provider.
                fields=["tenant", "family_name", "given_name", "id"],
                name="person_with_password",
                condition=models.Q(state="active")
                & ~models.Q(password__startswith=UNUSABLE_PASSWORD_PREFIX),
            ),
            models.Index(
                fields=["deactivates_at"],
                name="person_deactivates",
                condition=models.Q(deactivates_at__isnull=False),
            ),
            models.Index(
                fields=["tenant", "deactivated_at"],
                name="person_inactive",
                condition=models.Q(state="inactive"),
            ),
            models.Index(
                # The sync cycle reads these few people every 5 minutes.
                fields=["manually_overridden_at"],
                name="person_manually_overridden",
                condition=models.Q(manually_overridden_at__isnull=False),
            ),
            models.Index(
                fields=["tenant"],
                name="person_withheld_roles",
                condition=~models.Q(withheld_roles={}),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def full_name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip() or self.email

    @property
    def display_name(self) -> str:
        if self.state in (self.State.INACTIVE, self.State.TERMINATED):
            return f"{self.full_name} ({self.get_state_display()})"
        return self.full_name

    @property
    def profile(self) -> Profile:
        """Return the profile that was sent last; `revise_person` with it changes nothing."""
        values: dict[str, Any] = {name: READERS[name](self) for name in PROFILE}
        return Profile(**values | {"email": self.pending_email or self.email})

    @property
    def actor(self) -> Actor:
        return Actor("person", self.email, person_id=self.pk)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Tell whether the person may sign in. Django checks it for every session."""
        # Invited people as well: their first sign-in through a provider accepts the invite.
        return self.state in (self.State.INVITED, self.State.ACTIVE)

    @property
    def was_deactivated_via_scim(self) -> bool:
        return self.deactivated_by.startswith(VIA_SCIM)

    @property
    def is_administrator(self) -> bool:
        return self.role in self.ADMINISTERING

    @property
    def is_staff(self) -> bool:
        """Tell whether the person may open the admin site."""
        return self.is_active and (self.is_administrator or self.is_operator)

    @property
    def needs_second_factor(self) -> bool:
        """Tell whether the company requires a second factor beside the person's password."""
        rule = self.tenant.second_factor
        if rule == Tenant.SecondFactorRule.ADMINISTRATORS:
            return self.is_administrator or self.is_operator
        return rule == Tenant.SecondFactorRule.EVERYBODY

    def has_perm(self, permission: str, row: Any = None) -> bool:
        """Allow everything to staff: each ModelAdmin has permission methods of its own."""
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff

    def get_session_auth_hash(self) -> str:
        """Return the hash that a session stores. A new password or epoch invalidates it."""
        return self._session_hash(settings.SECRET_KEY)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the hash for each key in SECRET_KEY_FALLBACKS."""
        return map(self._session_hash, settings.SECRET_KEY_FALLBACKS)

    def _session_hash(self, key: str) -> str:
        text = f"{self.password}{self.session_epoch}"
        return salted_hmac("people.session", text, secret=key, algorithm="sha256").hexdigest()
