from typing import ClassVar, Self

from django.db import models

from people.db.models import DeferrableModel
from people.models.person import Person
from people.tenancy import TenantManager, TenantOwned


class EventQuerySet(models.QuerySet["Event"]):
    def pending(self) -> Self:
        return self.filter(dispatched_at=None).order_by("pk")


EventManager = TenantManager.from_queryset(EventQuerySet)


class Event(DeferrableModel, TenantOwned):
    """A change of a person or of the tenant.

    The same row is the history and the outbox: it is written in the transaction of the change,
    and stays after its delivery to subscribers. Applying the changes of all events of a person in
    order gives the person as stored.
    """

    class Kind(models.TextChoices):
        TENANT_CREATED = "tenant.created", "tenant created"
        ORGANIZATION_CHANGED = "organization.changed", "organization changed"
        PERSON_ADDED = "person.added", "added"
        PERSON_REVISED = "person.revised", "changed"
        PERSON_LINKED = "person.linked", "linked to a userName"
        MANAGED_FIELDS_RESTORED = "person.managed-fields-restored", "managed fields restored"
        ADDRESS_APPROVED = "person.address-approved", "new email address approved"
        ADDRESS_CONFIRMED = "person.address-confirmed", "new email address confirmed"
        PASSWORD_CHANGED = "person.password-changed", "password changed"
        SECOND_FACTOR_CHANGED = "person.second-factor-changed", "second factor changed"
        ACCOUNT_SETTINGS_CHANGED = "person.account-settings-changed", "account settings changed"
        DELEGATION_CHANGED = "person.delegation-changed", "delegate changed"
        PERSON_JOINED = "person.joined", "joined"
        SESSIONS_ENDED = "person.sessions-ended", "sessions ended"
        SESSION_ENDED = "person.session-ended", "session ended"
        PERSON_DEACTIVATED = "person.deactivated", "deactivated"
        PERSON_REACTIVATED = "person.reactivated", "reactivated"
        PERSON_RETURNED = "person.returned", "added again as a returning person"
        ADDRESS_RELEASED = "person.address-released", "email address reassigned"
        IDENTITY_LINKED = "person.identity-linked", "sign-in linked"
        IDENTIFIED_AS_SAME = "person.taken-for-same", "identified as the same person"
        PERSON_TERMINATED = "person.terminated", "terminated"
        PERSON_ERASED = "person.erased", "erased"
        HOLDINGS_RECEIVED = "holdings.received", "items received"
        SCHEDULED_TERMINATION_CHANGED = (
            "scheduled-termination.changed",
            "scheduled termination changed",
        )
        INVITE_ISSUED = "invite.issued", "invited"
        INVITE_RELEASED = "invite.released", "invite released from hold"
        INVITE_ACCEPTED = "invite.accepted", "invite accepted"
        INVITE_RESENT = "invite.resent", "invite resent"
        INVITE_REVOKED = "invite.revoked", "invite revoked"
        ROLE_GRANTED = "role.granted", "role granted"
        ROLE_REMOVED = "role.withdrawn", "role removed"
        CONNECTION_CHANGED = "connection.changed", "connection changed"
        SPEND_CHANGED = "spend.changed", "spend changed"
        WORKFLOW_CHANGED = "workflow.changed", "workflow changed"
        APPROVAL_DECIDED = "approval.decided", "approval decided"
        API_TOKEN_CHANGED = "api-token.changed", "API token changed"
        WEBHOOK_CHANGED = "webhook.changed", "webhook endpoint changed"
        SIGNAL_STREAM_CHANGED = "signal-stream.changed", "signal stream changed"
        DATA_EXPORTED = "data.exported", "data exported"
        INVITE_LINK_SHOWN = "invite.link-shown", "invite link shown"
        IDENTIFIED_AS_DIFFERENT = "person.taken-for-different", "identified as different people"
        BULK_CHANGE_DECIDED = "bulk-change.decided", "bulk change confirmed or undone"
        SYNC_ERROR_DISMISSED = "sync-error.dismissed", "sync error dismissed"

    class Interface(models.TextChoices):
        """Through what the actor made the change."""

        PAGE = "page", "Page"
        API = "api", "API"
        SCIM = "scim", "SCIM"
        SIGN_IN = "sign-in", "Sign-in"
        JOB = "job", "Background job"
        COMMAND = "command", "Command"

    # No index on tenant alone, because the index `event_log` begins with it.
    tenant = models.ForeignKey(
        "people.Tenant", on_delete=models.PROTECT, related_name="+", editable=False, db_index=False
    )
    kind = models.CharField(max_length=64, choices=Kind)
    # No index on person alone, because the index `event_of_person` begins with it.
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, related_name="events", db_index=False
    )
    actor = models.CharField(max_length=255)
    # The actor, if a signed-in person. Their address, which is in `actor`, may be reassigned later.
    actor_person = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Blank for events from before Ramp recorded it.
    interface = models.CharField(
        max_length=8, choices=Interface, blank=True, default="", db_default=""
    )
    # The client's address; None outside of a request.
    ip = models.GenericIPAddressField(null=True)
    # The SCIM request, page view or job run that caused it; its log has the same id.
    request_id = models.UUIDField(null=True)
    # {"department": {"from": "Sales", "to": "Legal"}}; people are named by id.
    changes = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    happened_at = models.DateTimeField()
    dispatched_at = models.DateTimeField(null=True)

    objects: ClassVar = EventManager()

    class Meta(TenantOwned.Meta):
        indexes: ClassVar = [
            models.Index(fields=["person", "id"], name="event_of_person"),
            models.Index(fields=["request_id"], name="event_of_request"),
            models.Index(
                fields=["id"], name="event_pending", condition=models.Q(dispatched_at=None)
            ),
            # The audit log: its order, and its filters.
            models.Index(fields=["tenant", "happened_at", "id"], name="event_log"),
            models.Index(fields=["tenant", "kind", "happened_at", "id"], name="event_log_kind"),
            models.Index(fields=["tenant", "actor", "happened_at", "id"], name="event_log_actor"),
            models.Index(
                fields=["actor_person", "happened_at", "id"],
                name="event_log_actor_person",
                condition=models.Q(actor_person__isnull=False),
            ),
            # Without SCIM, which makes most events, so that `event_log` finds its events quickly.
            models.Index(
                fields=["tenant", "interface", "happened_at", "id"],
                name="event_log_interface",
                condition=models.Q(interface__in=["page", "api", "sign-in", "job", "command"]),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind}"
