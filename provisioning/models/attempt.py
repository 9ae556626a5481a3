from typing import ClassVar

from django.db import models
from django.db.models.functions import Upper

from people.models import Person
from people.tenancy import TenantOwned
from provisioning.models.provider import IdentityProvider

# Values of `SignInAttempt.Outcome`.
SUCCESSFUL = ("signed-in", "created", "linked", "confirmed")
UNSUCCESSFUL = ("refused", "failed")


class SignInAttempt(TenantOwned):
    """A line of the provider log: a sign-in attempt and its outcome."""

    class Outcome(models.TextChoices):
        SIGNED_IN = "signed-in", "signed in"
        # The password was correct, and the second factor is asked for next.
        PASSWORD_ACCEPTED = "first-factor", "password accepted"
        CREATED = "created", "added and signed in"
        LINKED = "linked", "linked and signed in"
        CONFIRMED = "confirmed", "confirmed who they are"
        TESTED = "tested", "test sign-in succeeded"
        REFUSED = "refused", "refused"
        FAILED = "failed", "failed"
        SIGNED_OUT = "signed-out", "signed out"
        # A Shared Signal that was accepted and ended no session.
        SIGNAL = "signal", "signal received"

    # None for a Ramp password.
    provider: "models.ForeignKey[IdentityProvider | None, IdentityProvider | None]" = (
        models.ForeignKey(
            IdentityProvider, on_delete=models.PROTECT, null=True, related_name="attempts"
        )
    )
    person: "models.ForeignKey[Person | None, Person | None]" = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, related_name="sign_in_attempts"
    )
    outcome = models.CharField(max_length=12, choices=Outcome)
    # A stable code, listed in docs/errors.md; blank where nothing went wrong.
    reason = models.CharField(max_length=64, blank=True)
    # For the administrator: what happened, and what to correct. Holds no secret.
    detail = models.TextField(blank=True)
    # Problems that did not stop the sign-in, as sentences.
    warnings = models.JSONField(default=list)
    # As claimed by the provider, or as entered by the visitor. Neither is verified.
    subject = models.CharField(max_length=255, blank=True)
    email = models.CharField(max_length=254, blank=True)
    # The provider said that it has not verified the email address.
    is_email_unverified = models.BooleanField(default=False)
    # The provider's issuer or directory at that time. A subject is only unique together with it.
    authority = models.TextField(blank=True, default="")
    request_id = models.UUIDField(null=True)
    # The client's address; None outside of a request.
    ip = models.GenericIPAddressField(null=True)
    at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "id"], name="sign_in_attempt_log"),
            models.Index(fields=["provider", "id"], name="sign_in_attempt_provider"),
            models.Index(fields=["person", "id"], name="sign_in_attempt_person"),
            # The access diagnosis looks for an address or a subject.
            models.Index(Upper("email"), "tenant", name="sign_in_attempt_address"),
            models.Index(fields=["subject", "tenant"], name="sign_in_attempt_subject"),
            # The state of each provider on the overview: the last success, and what failed since.
            models.Index(
                fields=["tenant", "provider", "at"],
                name="sign_in_attempt_success",
                condition=models.Q(outcome__in=SUCCESSFUL),
            ),
            models.Index(
                fields=["tenant", "provider", "at"],
                name="sign_in_attempt_failure",
                condition=models.Q(outcome__in=UNSUCCESSFUL),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.outcome}"
