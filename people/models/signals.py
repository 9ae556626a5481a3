from typing import ClassVar, Self
from uuid import UUID, uuid4

from django.db import models

from people.models.api_tokens import ApiToken
from people.models.webhooks import WebhookEndpoint
from people.tenancy import TenantManager, TenantOwned


class SignalStreamQuerySet(models.QuerySet["SignalStream"]):
    def reachable_by(self, token: ApiToken) -> Self:
        """Keep the streams that the token added, and those that belong to no valid token.

        The receiver with a new token keeps its streams when its old token has ended.
        """
        return self.exclude(token__in=ApiToken.objects.active().exclude(pk=token.pk))


SignalStreamManager = TenantManager.from_queryset(SignalStreamQuerySet)


class SignalStream(TenantOwned):
    """A stream of security events to another application (OpenID Shared Signals Framework 1.0).

    Its webhook endpoint has the URL, the state and the deliveries, so streams and webhooks are sent
    by the same code. The endpoint of a stream that is polled has no URL. A receiver's Authorization
    header is stored as the secret of the endpoint.
    """

    class Method(models.TextChoices):
        PUSH = "urn:ietf:rfc:8935", "Push"
        POLL = "urn:ietf:rfc:8936", "Poll"

    class Status(models.TextChoices):
        ENABLED = "enabled", "Enabled"
        # Ramp keeps the events, and sends them when the stream is enabled again.
        PAUSED = "paused", "Paused"
        DISABLED = "disabled", "Disabled"

    class SubjectFormat(models.TextChoices):
        EMAIL = "email", "Email address"
        ISS_SUB = "iss_sub", "Issuer and subject of the sign-in provider"

    # The key of the endpoint is also the `stream_id`.
    endpoint = models.OneToOneField(
        WebhookEndpoint, on_delete=models.CASCADE, primary_key=True, related_name="stream"
    )
    method = models.CharField(max_length=20, choices=Method)
    audience = models.CharField(max_length=500)
    # The URIs that the receiver asked for, also those that Ramp does not know.
    events_requested = models.JSONField(default=list)
    subject_format = models.CharField(
        max_length=8, choices=SubjectFormat, default=SubjectFormat.EMAIL
    )
    # The token with which a receiver added the stream; None if an administrator added it. A company
    # has few streams, so it needs no index.
    token = models.ForeignKey(
        ApiToken, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    # Whether events that happen while the stream is not enabled are sent later.
    keeps_events = models.BooleanField(default=True)
    # When the receiver last asked for a verification event, and for its events.
    verification_asked_at = models.DateTimeField(null=True)
    polled_at = models.DateTimeField(null=True)

    objects: ClassVar = SignalStreamManager()

    def __str__(self) -> str:
        return str(self.endpoint)

    @property
    def id(self) -> UUID:
        return self.endpoint_id

    @property
    def is_push(self) -> bool:
        return self.method == self.Method.PUSH

    @property
    def status(self) -> Status:
        if self.endpoint.is_active:
            return self.Status.ENABLED
        return self.Status.PAUSED if self.keeps_events else self.Status.DISABLED


class SignalKey(TenantOwned):
    """A key with which Ramp signs the security events of a company."""

    # The `kid` of the key.
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    # PKCS #8 in PEM, encrypted.
    private_key = models.TextField(editable=False)
    # As RFC 7517 describes it.
    public_jwk = models.JSONField()
    created_at = models.DateTimeField()
    # When a newer key replaced it. It stays published for a while.
    retired_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"],
                name="signal_key_once",
                condition=models.Q(retired_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.id.hex
