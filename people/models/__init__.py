"""The models: tenants, people, what people hold, and the history."""

from people.models.account_settings import AccountSettings
from people.models.api_tokens import ApiToken, Scope
from people.models.bulk_changes import BulkChange, BulkChangeItem
from people.models.comparisons import Comparison, ComparisonRow
from people.models.custom_fields import CustomField
from people.models.daily_counts import CountedSource, DailyCount
from people.models.delegations import Delegation
from people.models.deliveries import Delivery
from people.models.events import Event
from people.models.former_addresses import FormerAddress
from people.models.idempotency import IdempotencyKey
from people.models.installation import Installation
from people.models.invites import Invite
from people.models.mail import Mail
from people.models.organization import Department, Entity, Location
from people.models.passkeys import Passkey
from people.models.person import Person
from people.models.roles import Grant, Role
from people.models.saved_views import SavedView
from people.models.scheduled_terminations import ScheduledTermination
from people.models.second_factors import SecondFactor
from people.models.sessions import PersonSession
from people.models.signals import SignalKey, SignalStream
from people.models.spend import Authorization, Card, Fund, OutstandingItem
from people.models.tenant import Tenant
from people.models.webhooks import WebhookDelivery, WebhookEndpoint
from people.models.workflows import Approval, Step, Workflow

__all__ = [
    "AccountSettings",
    "ApiToken",
    "Approval",
    "Authorization",
    "BulkChange",
    "BulkChangeItem",
    "Card",
    "Comparison",
    "ComparisonRow",
    "CountedSource",
    "CustomField",
    "DailyCount",
    "Delegation",
    "Delivery",
    "Department",
    "Entity",
    "Event",
    "FormerAddress",
    "Fund",
    "Grant",
    "IdempotencyKey",
    "Installation",
    "Invite",
    "Location",
    "Mail",
    "OutstandingItem",
    "Passkey",
    "Person",
    "PersonSession",
    "Role",
    "SavedView",
    "ScheduledTermination",
    "Scope",
    "SecondFactor",
    "SignalKey",
    "SignalStream",
    "Step",
    "Tenant",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Workflow",
]
