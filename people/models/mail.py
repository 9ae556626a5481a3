"""The mail outbox: rows stored in the transaction of the change, and sent by a worker."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models

from people.db.leases import NAME_LENGTH
from people.db.models import DeferrableModel
from people.models.invites import Invite
from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned

WAITING = models.Q(sent_at=None, given_up_at=None)
# Mails that were withheld before the first attempt are no problem of the mail server.
GIVEN_UP = models.Q(given_up_at__isnull=False, attempts__gt=0)


class MailQuerySet(models.QuerySet["Mail"]):
    def waiting(self) -> Self:
        return self.filter(WAITING)

    def given_up(self) -> Self:
        """Keep the mails that Ramp stopped retrying, after a permanent error or about a day."""
        return self.filter(GIVEN_UP)

    def due(self, now: datetime) -> Self:
        return self.waiting().filter(due_at__lte=now).order_by("due_at")


MailManager = TenantManager.from_queryset(MailQuerySet)


class Mail(DeferrableModel, TenantOwned):
    """One message to one person. All attempts have the same Message-ID, made of the row's id.

    A process that sends it first moves `due_at` ahead. If the process dies, the mail is due again
    at that time, or once another process of the same machine sees that `held_by` has died.
    """

    class Kind(models.TextChoices):
        INVITE = "invite", "invite"
        CONFIRM_ADDRESS = "confirm-address", "confirmation of a new address"
        APPROVE_ADDRESS = "approve-address", "confirmation by the old address"
        ADDRESS_CHANGES = "address-changes", "notice to the old address"
        SIGN_IN_LINKED = "sign-in-linked", "notice of a newly linked sign-in"
        CONNECTION_SILENT = "connection-silent", "notice that a connection is silent"
        RESET_PASSWORD = "reset-password", "link to choose a new password"
        BULK_CHANGE = "bulk-change", "notice that many were deactivated at once"
        WEBHOOK_PAUSED = "webhook-paused", "notice that a webhook endpoint was paused"
        SECURITY_NOTICE = "security-notice", "notice of a change to the account's security"
        DIGEST = "digest", "digest of what needs attention"
        APPROVALS_DELEGATED = "approvals-delegated", "notice to a delegate"
        DELEGATION_ENDED = "delegation-ended", "notice that a delegation has ended"
        SETUP_LINK = "setup-link", "setup steps for a colleague in IT"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=32, choices=Kind)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="mails")
    to = models.EmailField(max_length=254)
    invite = models.ForeignKey(Invite, on_delete=models.PROTECT, null=True, related_name="mails")
    # Further context for the templates, such as the new address.
    facts = models.JSONField(default=dict)
    # The request that caused it, as in Event.request_id.
    request_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    held_by = models.CharField(max_length=NAME_LENGTH, blank=True, default="", db_default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    # The mail server's text about the last attempt, or in a later bounce.
    problem = models.TextField(blank=True)

    objects: ClassVar = MailManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            # Sent mails stay for the history. The index contains only the few that wait.
            models.Index(fields=["due_at"], name="mail_waiting", condition=WAITING),
            models.Index(fields=["request_id"], name="mail_of_request"),
            models.Index(fields=["held_by"], name="mail_held", condition=~models.Q(held_by="")),
            # The few that the mail server refused, which operators count.
            models.Index(fields=["given_up_at"], name="mail_given_up", condition=GIVEN_UP),
            # The few invites that were not delivered, which the overview counts.
            models.Index(
                fields=["invite"],
                name="mail_invite_problem",
                condition=models.Q(kind="invite") & ~models.Q(problem=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.to}"

    @property
    def is_withheld(self) -> bool:
        """Tell whether the mail was given up before any attempt to send it."""
        return self.given_up_at is not None and not self.attempts
