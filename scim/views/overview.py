"""What SCIM adds to the overview: what needs attention, the connections, steps of the setup."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Subquery
from django.db.models.lookups import IsNull
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from people import hooks
from people.models import Tenant
from people.operations.roles.withheld_roles import people_with_withheld_roles
from people.presentation.attention import AttentionItem, AttentionRows, Severity
from people.presentation.overview_panels import ServiceState, ServiceTone, SetupStep
from people.presentation.page_links import BoundedCount
from scim.connections.status import SyncState, Tone, sync_states
from scim.models import Connection, RequestLog, ScimUser, SyncError, Token
from scim.views.team_updates import common

DAY = timedelta(days=1)


def attention_items(_: Tenant) -> Iterator[AttentionItem | AttentionRows]:
    yield AttentionRows(
        rows=SyncError.objects.open(),
        time="happened_at",
        code="sync-errors",
        severity=Severity.ERROR,
        singular="change from an identity provider was refused",
        plural="changes from identity providers were refused",
        action="Review sync errors",
        url=reverse("admin:team_updates_errors"),
    )
    yield AttentionRows(
        rows=common.expired_invites(),
        more_rows=common.undelivered_invites(),
        time="created_at",
        code="invites",
        severity=Severity.WARNING,
        singular="invite was not delivered or has expired",
        plural="invites were not delivered or have expired",
        action="Review invites",
        url=f"{reverse('admin:team_updates_invites')}?show=attention",
    )
    yield AttentionRows(
        rows=common.same_person_questions(),
        time="asked_at",
        code="same-person",
        severity=Severity.WARNING,
        singular="new person may be somebody who left before",
        plural="new people may be somebody who left before",
        action="Compare",
        url=reverse("admin:team_updates_review"),
    )
    yield AttentionRows(
        rows=people_with_withheld_roles(),
        code="withheld-roles",
        severity=Severity.WARNING,
        singular="returned person had an elevated role that is not restored",
        plural="returned people had elevated roles that are not restored",
        action="Decide",
        url=reverse("admin:team_updates_review"),
    )
    yield from _connection_items()


def services(_: Tenant) -> Iterator[ServiceState]:
    refused = RequestLog.objects.filter(
        connection=OuterRef("pk"),
        status__gte=400,
        retried_by="",
        received_at__gte=timezone.now() - DAY,
    )
    for connection, sync in _connections(refused=BoundedCount(refused)):
        tone, state = _state(connection, sync)
        yield ServiceState(
            kind="SCIM",
            name=str(connection),
            url=_address("scim_settings", connection),
            tone=tone,
            state=state,
            last="Last request",
            last_at=sync.last_seen_at,
            errors=connection.refused,
            errors_url=f"{_address('scim_requests', connection)}?outcome=errors",
        )


def setup_steps(tenant: Tenant) -> Iterator[SetupStep]:
    mappings = hooks.url_of(hooks.Page.GROUP_MAPPINGS, tenant.slug)
    integrations = reverse("admin:integrations")
    live = Connection.objects.filter(activated_at__isnull=False, disconnected_at=None).first()
    yield SetupStep(
        order=10,
        title="Connect your identity provider",
        text="Okta, Microsoft Entra or another SCIM 2.0 provider then adds and deactivates people.",
        url=integrations,
        action="Choose a provider",
        is_done=live is not None,
    )
    yield SetupStep(
        order=30,
        title="Grant a role to a group",
        text="People get and lose roles with their groups at the identity provider.",
        url=_address("scim_groups", live) if live else mappings or integrations,
        action="Map a group",
        is_done=hooks.has_group_mappings(),
    )


def _connections(**annotations: Any) -> list[tuple[Any, SyncState]]:
    """Return the connections that are not disconnected, each with its sync status."""
    active = Token.objects.filter(connection=OuterRef("pk"), revoked_at=None)
    users = ScimUser.objects.filter(connection=OuterRef("pk"), deleted_at=None)
    connections = Connection.objects.filter(disconnected_at=None).annotate(
        has_token=Exists(active),
        # Not Exists, for which PostgreSQL would first read the users of all connections.
        has_users=IsNull(Subquery(users.values("pk")[:1]), rhs=False),
        **annotations,
    )
    return sync_states(connections.order_by("created_at", "pk"), timezone.now())


def _connection_items() -> Iterator[AttentionItem]:
    for connection, sync in _connections():
        if not connection.activated_at:
            yield _unfinished_setup(connection)
        elif not connection.has_token:
            yield AttentionItem(
                code="connection-without-token",
                severity=Severity.ERROR,
                count=1,
                text=f"{connection} has no active token, so all of its requests are refused.",
                action="Add a token",
                url=_address("scim_tokens", connection),
            )
        elif sync.tone == Tone.WARNING:
            assert sync.last_seen_at
            # Django separates the number from the unit with a no-break space.
            duration = timesince(sync.last_seen_at).replace("\N{NO-BREAK SPACE}", " ")
            yield AttentionItem(
                code="silent-connection",
                severity=Severity.WARNING,
                count=1,
                text=f"{connection} has sent no request for {duration}.",
                action="Check the connection",
                url=_address("scim_settings", connection),
                since=sync.last_seen_at,
            )


def _unfinished_setup(connection: Any) -> AttentionItem:
    waiting = "What it has sent waits for your review."
    return AttentionItem(
        code="unfinished-setup",
        severity=Severity.WARNING if connection.has_users else Severity.INFO,
        count=1,
        text=f"The setup of {connection} is not finished."
        + (f" {waiting}" if connection.has_users else ""),
        action="Review and activate" if connection.has_users else "Continue setup",
        url=reverse("admin:setup", args=[connection.provider]),
        since=connection.created_at,
    )


def _state(connection: Any, sync: SyncState) -> tuple[ServiceTone, str]:
    if not connection.activated_at:
        return ServiceTone.INFO, "Setup in progress"
    if not connection.has_token:
        return ServiceTone.ERROR, "No active token"
    if connection.is_certifying:
        return ServiceTone.INFO, "In certification"
    if sync.last_seen_at is None:
        return ServiceTone.INFO, "No request yet"
    if sync.tone == Tone.WARNING:
        return ServiceTone.WARNING, "Silent"
    return ServiceTone.GOOD, "Connected"


def _address(name: str, connection: Connection) -> str:
    return reverse(f"admin:{name}", args=[connection.pk])
