"""Shared Signals: the stream of a transmitter, what it sent, and the sign-ins that it asks for."""

from typing import ClassVar
from uuid import uuid4

from django.db import models

from people.models import Person
from people.tenancy import TenantOwned
from provisioning.models.provider import IdentityProvider


class SignalPolicy(models.TextChoices):
    """What a signal does, from the least to the most."""

    LOG = "log", "Only log"
    END = "end", "End sessions"
    FRESH = "fresh", "End sessions and require a fresh sign-in"
    DEACTIVATE = "deactivate", "Deactivate"
    # Only for account-enabled.
    UNDO = "undo", "Undo the deactivation by a signal"


class TransmitterStream(TenantOwned):
    """The stream of a Shared Signals transmitter, which is about the people of one provider."""

    class Delivery(models.TextChoices):
        PUSH = "push", "Push to Ramp"
        POLL = "poll", "Poll every minute"

    class State(models.TextChoices):
        PENDING = "pending", "Not created yet"
        ENABLED = "enabled", "Enabled"
        PAUSED = "paused", "Paused by the transmitter"
        DISABLED = "disabled", "Disabled by the transmitter"

    provider = models.OneToOneField(
        IdentityProvider, on_delete=models.CASCADE, primary_key=True, related_name="signal_stream"
    )
    # Part of the address to which the transmitter pushes. A new stream gets a new one.
    key = models.UUIDField(default=uuid4, editable=False)
    issuer = models.TextField()
    # The encrypted token for the transmitter's stream management, or the secret of the client to
    # which `token_url` issues tokens; and the servers that it is for.
    token = models.TextField(blank=True, editable=False)
    token_for = models.TextField(blank=True, editable=False)
    token_url = models.TextField(blank=True, default="", db_default="")
    client_id = models.TextField(blank=True, default="", db_default="")
    scope = models.TextField(blank=True, default="", db_default="")
    delivery = models.CharField(max_length=4, choices=Delivery, default=Delivery.PUSH)
    # A SignalPolicy by the name of the event type, where it differs from the default.
    policies = models.JSONField(default=dict)
    # Signals act with at most the rank of this person.
    configured_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    # What the transmitter answered when Ramp created the stream.
    stream_id = models.TextField(blank=True)
    audience = models.JSONField(default=list)
    poll_url = models.TextField(blank=True)
    # The digest of the header Authorization that Ramp asked the transmitter to push with.
    push_digest = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)

    # Health. The problem is a sentence for administrators, and blank while all is well.
    problem = models.TextField(blank=True)
    failing_since = models.DateTimeField(null=True)
    # The `state` of the verification that Ramp waits for; blank if it waits for none.
    verification = models.CharField(max_length=64, blank=True)
    verification_asked_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)
    # How long the last signal took from its issue to its receipt.
    lag_seconds = models.FloatField(null=True)
    # When the job looked at the stream last, and from when it may again.
    tried_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [models.Index(fields=["due_at"], name="signal_stream_due")]

    def __str__(self) -> str:
        return f"Signals of {self.issuer}"


class ReceivedSignal(TenantOwned):
    """A signal that was accepted. The row keeps it from being applied a second time."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="signals")
    # Of the issuer and the `jti`.
    digest = models.CharField(max_length=64)
    # The name of the event type, and the subject as the transmitter names it.
    event = models.CharField(max_length=32)
    subject = models.CharField(max_length=500, blank=True)
    # None if Ramp does not know the subject.
    person: "models.ForeignKey[Person | None, Person | None]" = models.ForeignKey(
        Person, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    policy = models.CharField(max_length=10, choices=SignalPolicy, blank=True)
    # What came of it, for administrators.
    detail = models.TextField(blank=True)
    # When it happened at the transmitter, and when the signal was issued and received.
    occurred_at = models.DateTimeField()
    issued_at = models.DateTimeField()
    received_at = models.DateTimeField()
    # The time of the deactivation, if the signal caused one: account-enabled may undo only that.
    deactivated_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "digest"], name="signal_applied_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["provider", "received_at"], name="signal_received"),
            models.Index(fields=["person", "occurred_at"], name="signal_person"),
        ]

    def __str__(self) -> str:
        return f"{self.event} about {self.subject}"


class FreshSignIn(TenantOwned):
    """A person who has to sign in again at a provider before anything else lets them in."""

    person = models.OneToOneField(
        Person, on_delete=models.CASCADE, primary_key=True, related_name="fresh_sign_in"
    )
    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="+")
    # The provider has to have asked for credentials after this time.
    since = models.DateTimeField()
    # What the provider reported, for the sign-in page.
    because = models.CharField(max_length=200)

    class Meta(TenantOwned.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.person} at {self.provider}"
