"""The sync status of a connection, in one sentence for administrators."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.timesince import timesince

from people.presentation.times import day_text, moment_text
from people.templatetags.relative_time import ago
from scim.connections.inactivity import (
    INACTIVE_AFTER,
    MAX_ABSENCE,
    UPDATES,
    annotate_last_use,
    last_seen_at,
)
from scim.connections.presets import PRESETS
from scim.models import Connection, RequestLog, SyncHeartbeat


class Tone(StrEnum):
    GOOD = "good"
    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True)
class SyncState:
    tone: Tone
    sentence: str
    remark: str
    last_update_at: datetime | None
    last_seen_at: datetime | None


def sync_state(connection: Connection, now: datetime) -> SyncState:
    """Return the sync status of the connection."""
    [(_, state)] = sync_states(Connection.objects.filter(pk=connection.pk), now)
    return state


def sync_states(
    connections: QuerySet[Connection], now: datetime
) -> list[tuple[Connection, SyncState]]:
    """Return each connection with its sync status, with two queries for all."""
    updates = RequestLog.objects.filter(UPDATES, connection=OuterRef("pk"))
    latest = updates.order_by("-received_at").values("received_at")[:1]
    heartbeat = SyncHeartbeat.objects.first()
    # If Ramp itself was not running, silence proves nothing about the provider.
    outage = ""
    if heartbeat is None or now - heartbeat.seen_at > MAX_ABSENCE:
        outage = "Ramp's background jobs have not run recently, so the cause may be in Ramp. "
    elif now - heartbeat.since < INACTIVE_AFTER:
        outage = f"Ramp itself was interrupted until {moment_text(heartbeat.since)}. "
    states = []
    for connection in annotate_last_use(connections).annotate(received_at=Subquery(latest)):
        times = (connection.received_at, connection.last_update_at)
        updated = max(filter(None, times), default=None)
        last_seen = max(filter(None, (updated, last_seen_at(connection))), default=None)
        tone, sentence, remark = _describe(connection, updated, last_seen, outage, now)
        states.append((connection, SyncState(tone, sentence, remark, updated, last_seen)))
    return states


def _describe(
    connection: Connection,
    updated: datetime | None,
    last_seen: datetime | None,
    outage: str,
    now: datetime,
) -> tuple[Tone, str, str]:
    cadence = PRESETS[connection.provider].cadence
    if connection.disconnected_at:
        on = day_text(connection.disconnected_at)
        return (
            Tone.INFO,
            f"{connection} was disconnected on {on}. Its requests are refused.",
            "People keep the values it last sent.",
        )
    if not connection.activated_at:
        return (
            Tone.INFO,
            f"{connection} is not activated yet. What it sends is stored; nobody is provisioned.",
            cadence,
        )
    if last_seen is None:
        return Tone.INFO, f"Nothing has been received from {connection} yet.", cadence
    if now - last_seen >= INACTIVE_AFTER:
        return (
            Tone.WARNING,
            f"No requests from {connection} for {timesince(last_seen, now)}.",
            f"{outage}A provider without changes sends no requests. If somebody joined, "
            "left or changed there since then, check the provider's log.",
        )
    if updated is None:
        return Tone.GOOD, f"{connection} is sending requests, but no update yet.", cadence
    return Tone.GOOD, f"{connection} last updated people {ago(updated, now)}.", cadence
