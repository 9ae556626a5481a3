from typing import ClassVar, Self
from uuid import uuid4

from django.db import models
from django.utils import timezone

from people.models.group_mappings import GroupSource
from people.tenancy import TenantManager, TenantOwned
from people.tokens import new_token, token_digest
from people.values import Actor


class Connection(GroupSource):
    """One SCIM integration of a tenant: an identity provider that pushes people to us."""

    class Provider(models.TextChoices):
        OKTA = "okta", "Okta"
        ENTRA = "entra", "Microsoft Entra"
        RIPPLING = "rippling", "Rippling"
        ONELOGIN = "onelogin", "OneLogin"
        PING = "ping", "Ping Identity"
        JUMPCLOUD = "jumpcloud", "JumpCloud"
        GENERIC = "generic", "SCIM 2.0 provider"

    class Incomplete(models.TextChoices):
        """What happens when a required field is missing."""

        REFUSE = "refuse", "Refuse the request"
        HOLD = "hold", "Keep the record, and wait for the rest"
        FILL = "fill", "Fill in the defaults below"

    class UnknownManager(models.TextChoices):
        HOLD = "hold", "Add the person, and hold the invite until the manager arrives"
        REJECT = "reject", "Refuse the request"

    class RoleSource(models.TextChoices):
        PROVIDER = "provider", "The provider's role attribute, where it sends one"
        RAMP = "ramp", "Administrators of Ramp; what the provider sends is ignored"

    class EmailLink(models.TextChoices):
        """What happens when the email belongs to a person without a managing connection."""

        ADOPT = "adopt", "Link them, unless they hold an elevated role"
        ASK = "ask", "List them in Team updates, for an administrator to link"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    provider = models.CharField(max_length=16, choices=Provider)
    incomplete_policy = models.CharField("incomplete people", max_length=8, choices=Incomplete)
    unknown_manager = models.CharField(
        max_length=8, choices=UnknownManager, default=UnknownManager.HOLD
    )
    role_source = models.CharField(max_length=8, choices=RoleSource, default=RoleSource.PROVIDER)
    may_assign_owner = models.BooleanField(
        default=False,
        help_text="Otherwise a request that makes somebody an Owner is refused.",
    )
    email_link = models.CharField(max_length=8, choices=EmailLink, default=EmailLink.ADOPT)
    mails_invites = models.BooleanField(
        "mail invites",
        default=True,
        help_text="Switch this off where people come in by single sign-on.",
    )
    default_department = models.CharField(max_length=200, blank=True)
    default_location = models.CharField(max_length=200, blank=True)
    # Where a field comes from, if not from its default attributes: {"department": "costCenter"}.
    mapping = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Until then, requests are answered and stored, but nobody is provisioned.
    activated_at = models.DateTimeField(null=True)
    # When everything received before activation had been provisioned.
    initial_import_finished_at = models.DateTimeField(null=True)
    disconnected_at = models.DateTimeField(null=True)
    # The last update as of the last sync cycle; the request log may have deleted it since.
    last_update_at = models.DateTimeField(null=True)
    # When administrators were notified that the connection is inactive; None once it is active.
    inactivity_notified_at = models.DateTimeField(null=True)
    # The resource after which the cycle continues to re-apply changed settings.
    reapply_cursor = models.BigIntegerField(null=True)
    # While a suite tests the connection, see `connections.certification`. None once it is over.
    certification_ends_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.get_provider_display()

    @property
    def actor(self) -> Actor:
        return Actor("scim", self.provider)

    @property
    def is_live(self) -> bool:
        return self.activated_at is not None and self.disconnected_at is None

    @property
    def is_certifying(self) -> bool:
        ends_at = self.certification_ends_at
        return ends_at is not None and timezone.now() < ends_at

    @property
    def mail_withheld_because(self) -> str:
        """Return why nobody is mailed because of the connection; blank if they are."""
        if not self.is_certifying:
            return ""
        return f"{self} was in certification, which sends no email."

    @property
    def current_incomplete_policy(self) -> str:
        """Return the policy in effect: certification holds incomplete people."""
        return self.Incomplete.HOLD if self.is_certifying else self.incomplete_policy


class TokenQuerySet(models.QuerySet["Token"]):
    def active(self) -> Self:
        """Filter for tokens that are valid now."""
        return self.filter(
            revoked_at=None, connection__disconnected_at=None, tenant__is_active=True
        )


TokenManager = TenantManager.from_queryset(TokenQuerySet)


class Token(TenantOwned):
    """A bearer token of a connection; only its digest is stored. Two may be active at once."""

    # Two, so that a token can be replaced without downtime.
    MAX_ACTIVE: ClassVar = 2

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    # The last characters, so that an administrator can tell two tokens apart.
    hint = models.CharField(max_length=4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)
    # Collected in memory and saved every few seconds, never by the request itself.
    last_used_at = models.DateTimeField(null=True)
    last_ip = models.GenericIPAddressField(null=True)
    last_user_agent = models.CharField(max_length=300, blank=True)

    objects: ClassVar = TokenManager()

    def __str__(self) -> str:
        return f"…{self.hint}"


class TooManyTokens(ValueError):
    def __init__(self) -> None:
        super().__init__(
            "This connection already has two active tokens. Revoke one before you add another."
        )


def issue_token(connection: Connection) -> str:
    """Create a token of 256 random bits and return it; it cannot be read again.

    :raises TooManyTokens: if the connection already has two active tokens.
    """
    if connection.tokens.filter(revoked_at=None).count() >= Token.MAX_ACTIVE:
        raise TooManyTokens
    token = new_token("scim")
    connection.tokens.create(
        tenant_id=connection.tenant_id, digest=token_digest(token), hint=token[-4:]
    )
    return token


def revoke_token(token: Token) -> None:
    """Refuse the token from the next request on."""
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
