from collections.abc import Iterator
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils.crypto import salted_hmac

from people.db.models import DeferrableModel
from people.models.field_table import PROFILE, READERS
from people.models.organization import Department, Location
from people.models.tenant import Tenant
from people.tenancy import TenantManager
from people.values import VIA_SCIM, Actor, Profile, normalize_key


class PersonQuerySet(models.QuerySet["Person"]):
    def in_lists(self) -> Self:
        """Keep everyone whom lists show by default."""
        return self.exclude(state=Person.State.TERMINATED)

    def having_address(self, email: str) -> Self:
        """Keep who has the address and does not give it up to its next holder."""
        holders = self.in_lists().filter(email_key=normalize_key(email), detached_at=None)
        return holders.exclude(email_key="")

    def active_owners(self) -> Self:
        return self.filter(state=Person.State.ACTIVE, role=Person.Role.OWNER)

    def active_administrators(self) -> Self:
        return self.filter(state=Person.State.ACTIVE, role__in=Person.ADMINISTERING)

    def deactivated_via_scim(self) -> Self:
        """Keep who is inactive because an identity provider said so."""
        return self.filter(state=Person.State.INACTIVE, deactivated_by__startswith=VIA_SCIM)

    def with_is_manager(self) -> Self:
        """Annotate who is somebody's manager: that role is derived, never stored."""
        reports = Person.objects.in_lists().filter(manager=models.OuterRef("pk"))
        return self.annotate(has_reports=models.Exists(reports))

    def matching(self, words: str) -> Self:
        """Keep the people whose name or address contains every word."""
        people = self
        for word in words.split():
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
    # Not indexed by tenant alone, for `person_list` leads with it.
    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="+", editable=False, db_index=False
    )
    given_name = models.CharField("first name", max_length=200)
    family_name = models.CharField("last name", max_length=200)
    # Blank once somebody else has got the address of a person who left.
    email = models.EmailField("e-mail", max_length=254)
    # The folded address: nobody else of the tenant may have it while this person stays.
    email_key = models.CharField(max_length=512, editable=False)
    # An asserted address that its holder has not confirmed; the old one signs in until then.
    pending_email = models.EmailField(max_length=254, blank=True, editable=False)
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, blank=True, related_name="people"
    )
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, null=True, blank=True, related_name="people"
    )
    manager = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reports"
    )
    role = models.CharField(max_length=32, choices=Role, default=Role.CARDHOLDER)
    role_source = models.CharField(max_length=255, editable=False)
    role_assigned_at = models.DateTimeField(editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.INVITED, editable=False)
    # When they first accepted an invite or signed in; tells active from invited on the way back.
    joined_at = models.DateTimeField(null=True, editable=False)
    deactivated_at = models.DateTimeField(null=True, editable=False)
    deactivated_by = models.CharField(max_length=255, blank=True, editable=False)
    terminated_at = models.DateTimeField(null=True, editable=False)
    # When the identity provider deleted them. Until they come back, their address goes to
    # whoever gets it next, and coming back means starting over.
    detached_at = models.DateTimeField(null=True, editable=False)
    # Elevated roles that somebody who came back had, by Role value or "role:<key>", until an
    # administrator decides: {"BUSINESS_ADMIN": "asked"}, or "declined".
    withheld_roles = models.JSONField(default=dict, blank=True, editable=False)
    # When a guest is to be deactivated, unless somebody moves or removes the day.
    deactivates_at = models.DateTimeField(null=True, editable=False)
    # Every session and token remembers the epoch it began in; a later one ends it.
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    is_operator = models.BooleanField(default=False, editable=False)
    # By field: who owns it and since when, {"department": {"by": "scim:okta", "since": …}}.
    managed_fields = models.JSONField(default=dict, blank=True, editable=False)
    # By field: since when it says something else than the provider that owns it. The sync
    # cycle puts that back, and finds the person by the latest of these moments.
    manually_overridden_fields = models.JSONField(default=dict, blank=True, editable=False)
    manually_overridden_at = models.DateTimeField(null=True, editable=False)
    # By external name of the tenant's custom fields.
    custom_values = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
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
            models.Index(fields=["tenant", "family_name", "given_name", "id"], name="person_list"),
            models.Index(fields=["tenant", "state"], name="person_state"),
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
        """Return what was last said about the person, so that saying it again is no change."""
        said: dict[str, Any] = {name: READERS[name](self) for name in PROFILE}
        return Profile(**said | {"email": self.pending_email or self.email})

    @property
    def actor(self) -> Actor:
        return Actor("person", self.email, person_id=self.pk)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Tell whether the person may sign in; Django asks this of every session."""
        return self.state in (self.State.INVITED, self.State.ACTIVE)

    @property
    def was_deactivated_via_scim(self) -> bool:
        return self.deactivated_by.startswith(VIA_SCIM)

    @property
    def is_administrator(self) -> bool:
        return self.role in self.ADMINISTERING

    @property
    def is_staff(self) -> bool:
        """Tell whether the administrators' pages are for them; Django asks this."""
        return self.is_active and (self.is_administrator or self.is_operator)

    def has_perm(self, permission: str, row: Any = None) -> bool:
        """Answer Django's question; what each page allows is said by its ModelAdmin."""
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff

    def get_session_auth_hash(self) -> str:
        """Return what a session must remember to stay valid; deactivation changes it."""
        return self._session_hash(settings.SECRET_KEY)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the same under the secret keys that were in use before."""
        return map(self._session_hash, settings.SECRET_KEY_FALLBACKS)

    def _session_hash(self, key: str) -> str:
        said = f"{self.password}{self.session_epoch}"
        return salted_hmac("people.session", said, secret=key, algorithm="sha256").hexdigest()
