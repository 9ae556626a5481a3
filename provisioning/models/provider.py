"""The sign-in providers of a tenant, and the settings of its sign-in page."""

from typing import ClassVar, Self
from uuid import uuid4

from django.db import models

from people.models import Tenant
from people.models.group_mappings import GroupSource
from people.tenancy import TenantManager
from people.values import Actor


class ProviderQuerySet(models.QuerySet["IdentityProvider"]):
    def kept(self) -> Self:
        """Leave out removed providers. Their rows stay for the history."""
        return self.filter(removed_at=None)

    def offered(self) -> Self:
        """Keep the providers that the sign-in page offers, in its order."""
        return self.kept().filter(is_enabled=True).order_by("is_untested", "name_key")


ProviderManager = TenantManager.from_queryset(ProviderQuerySet)


class IdentityProvider(GroupSource):
    """A sign-in provider of a tenant. Ramp passwords need no row."""

    class Kind(models.TextChoices):
        OIDC = "oidc", "OpenID Connect"
        LDAP = "ldap", "LDAP or Active Directory"
        WINDOWS = "windows", "Windows"

    class Browsing(models.TextChoices):
        OFF = "off", "Off"
        CACHED_ONLY = "cached_only", "Only who has signed in"
        LIVE = "live", "The whole directory, live"

    class Pairing(models.TextChoices):
        NONE = "", "Not paired"
        EXTERNAL_ID = "externalId", "externalId"
        USER_NAME = "userName", "userName"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=200, editable=False)
    is_enabled = models.BooleanField("offered on the sign-in page", default=True)
    # Set until a test of a provider that was added on the pages succeeds. Until then, the sign-in
    # page offers it only if an administrator wants that, and never as the default.
    is_untested = models.BooleanField(default=False, db_default=False)
    # Whether a first sign-in adds a new person.
    provisions_people = models.BooleanField("add people at their first sign-in", default=True)
    # Whether people whose address the provider has not verified may be added.
    adds_unverified = models.BooleanField(default=False)
    # Who may sign in, as `provisioning.providers.restrictions` reads it; blank for everybody.
    admission = models.JSONField(default=dict, blank=True)
    browsing = models.CharField(max_length=12, choices=Browsing, default=Browsing.OFF)
    # The SCIM connection of the same directory, by its key, and how one finds the other's people.
    paired_connection = models.CharField(max_length=64, blank=True)
    paired_claim = models.CharField(max_length=100, blank=True)
    paired_attribute = models.CharField(max_length=16, choices=Pairing, blank=True)
    # The settings of the kind, see provisioning.providers.config.
    settings = models.JSONField(default=dict)
    # The encrypted client secret, bind password or keytab. Only provisioning.providers.manage
    # decrypts it.
    secret = models.TextField(blank=True, editable=False)
    # The encrypted token for the directory's API, if that needs one of its own.
    directory_token = models.TextField(blank=True, editable=False)
    # The addresses for which the two were entered. They are not sent anywhere else.
    secret_for = models.TextField(blank=True, default="", editable=False)
    directory_token_for = models.TextField(blank=True, default="", editable=False)
    # The issuer or directory that an administrator confirmed last; provisioning.providers.issuers.
    authority = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar = ProviderManager()

    class Meta(GroupSource.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                "tenant",
                "name_key",
                name="provider_name_taken",
                condition=models.Q(removed_at=None),
            ),
            models.CheckConstraint(
                name="provider_paired_whole",
                condition=models.Q(paired_connection="", paired_claim="", paired_attribute="")
                | ~models.Q(paired_connection="")
                & ~models.Q(paired_claim="")
                & ~models.Q(paired_attribute=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> Actor:
        return Actor(self.kind, self.name)

    @property
    def is_draft(self) -> bool:
        return self.is_untested and not self.is_enabled

    @property
    def is_paired(self) -> bool:
        return bool(self.paired_connection)


class SignInSettings(models.Model):
    """The settings of a tenant's sign-in page. Without a row, it shows all options."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="sign_in_settings"
    )
    default_provider: "models.ForeignKey[IdentityProvider | None, IdentityProvider | None]" = (
        models.ForeignKey(
            IdentityProvider, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
        )
    )
    # Whether the sign-in page redirects to the default provider.
    redirects = models.BooleanField(default=False)
    # After how many hours a session ends, and after how many minutes without use; 0 for no limit.
    session_hours = models.PositiveSmallIntegerField(default=0, db_default=0)
    idle_minutes = models.PositiveSmallIntegerField(default=0, db_default=0)

    objects: ClassVar = TenantManager()

    def __str__(self) -> str:
        return f"Sign-in of {self.tenant}"
