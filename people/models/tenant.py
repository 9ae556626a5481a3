from typing import TYPE_CHECKING, ClassVar

from django.db import models

if TYPE_CHECKING:
    from people.models.organization import Entity
    from people.models.person import Person


class Tenant(models.Model):
    """One customer company."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"
        CLOSED = "closed"

    class SecondFactorRule(models.TextChoices):
        """Who has to confirm a password with a second factor."""

        NOBODY = "nobody"
        ADMINISTRATORS = "administrators"
        EVERYBODY = "everybody"

    slug = models.SlugField(unique=True, help_text="Part of the tenant's addresses.")
    name = models.CharField(max_length=200)
    domain = models.CharField(
        max_length=253, blank=True, help_text="The domain of its email addresses, if it has one."
    )
    # While it is suspended, nobody of the tenant can sign in, and SCIM and API tokens are refused.
    is_active = models.BooleanField(default=True)
    # Set once the tenant is closed permanently. Its rows stay for the history.
    closed_at = models.DateTimeField(null=True, editable=False)
    # A tenant for testing connections, see people/operations/sandboxes.py.
    is_sandbox = models.BooleanField(default=False, editable=False)
    allows_passwords = models.BooleanField(
        "people may sign in with a password",
        default=True,
        help_text="People choose their way to sign in when they accept their invite.",
    )
    # For sign-in with a password. What a sign-in at an OpenID or Windows provider needs, the
    # provider decides.
    second_factor = models.CharField(
        max_length=16,
        choices=SecondFactorRule,
        default=SecondFactorRule.NOBODY,
        db_default=SecondFactorRule.NOBODY,
    )
    # Null until `create_tenant` has added the owner, who is a person of the tenant.
    owner: "models.ForeignKey[Person | None, Person | None]" = models.ForeignKey(
        "people.Person",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="The account owner: invites come from them when nobody is the manager.",
    )
    default_entity: "models.ForeignKey[Entity | None, Entity | None]" = models.ForeignKey(
        "people.Entity",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Where a location belongs that nobody has placed yet.",
    )
    # Days from the deactivation via SCIM to the termination; None if auto-termination is off.
    auto_terminate_days = models.PositiveSmallIntegerField(null=True, blank=True)
    # An alert is raised if a connection deactivates more people than the larger of the first two
    # thresholds within an hour, or more than the third within a minute.
    alarm_people = models.PositiveSmallIntegerField(default=10)
    alarm_percent = models.PositiveSmallIntegerField(default=20)
    alarm_minute_people = models.PositiveSmallIntegerField(default=50)
    manual_invite_days = models.PositiveSmallIntegerField(
        default=14, help_text="How long an invite sent by hand lives, in days."
    )
    # When an administrator hid the setup checklist of the overview; None while it is shown.
    setup_hidden_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="tenant_manual_invite_days",
                condition=models.Q(manual_invite_days__range=(1, 365)),
            ),
            models.CheckConstraint(
                name="tenant_auto_terminate_days",
                condition=models.Q(auto_terminate_days=None) | models.Q(auto_terminate_days__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> Status:
        if self.closed_at:
            return self.Status.CLOSED
        return self.Status.ACTIVE if self.is_active else self.Status.SUSPENDED
