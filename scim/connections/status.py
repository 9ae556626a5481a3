"""The sync status of a connection, in one sentence for administrators."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.timesince import timesince

from people.templatetags.relative_time import ago
from scim.connections.inactivity import (
    INACTIVE_AFTER,
    MAX_ABSENCE,
    UPDATES,
    annotate_last_use,
    last_seen_at,
)
from scim.connections.presets import PRESETS
from scim.models import Connection, SyncHeartbeat


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
    known = annotate_last_use(Connection.objects.filter(pk=connection.pk)).get()
    latest = connection.requests.filter(UPDATES).order_by("-received_at")
    received_at = latest.values_list("received_at", flat=True).first()
    updated = max(filter(None, (received_at, connection.last_update_at)), default=None)
    last_seen = max(filter(None, (updated, last_seen_at(known))), default=None)
    tone, sentence, remark = _describe(connection, updated, last_seen, now)
    return SyncState(tone, sentence, remark, updated, last_seen)


def _describe(
    connection: Connection, updated: datetime | None, last_seen: datetime | None, now: datetime
) -> tuple[Tone, str, str]:
    cadence = PRESETS[connection.provider].cadence
    if connection.disconnected_at:
        on = f"{connection.disconnected_at:%-d %B %Y}"
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
            f"{_outage(now)}A provider without changes sends no requests. If somebody joined, "
            "left or changed there since then, check the provider's log.",
        )
    if updated is None:
        return Tone.GOOD, f"{connection} is sending requests, but no update yet.", cadence
    return Tone.GOOD, f"{connection} last updated people {ago(updated, now)}.", cadence


def _outage(now: datetime) -> str:
    """Return a notice if Ramp itself was not running."""
    heartbeat = SyncHeartbeat.objects.first()
    if heartbeat is None or now - heartbeat.seen_at > MAX_ABSENCE:
        return "Ramp's background jobs have not run recently, so the cause may be in Ramp. "
    if now - heartbeat.since < INACTIVE_AFTER:
        return f"Ramp itself was interrupted until {heartbeat.since:%-d %B %Y, %H:%M} UTC. "
    return ""
