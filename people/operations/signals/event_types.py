"""Which security events follow from an event of the log, and what they say.

The types are those of CAEP 1.0 and RISC 1.0. SIGNALS is the whole mapping.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import TextChoices

from people.models import Event

Payload = dict[str, Any]
Kind = Event.Kind

CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"
SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"
VERIFICATION: Final = f"{SSF}verification"
STREAM_UPDATED: Final = f"{SSF}stream-updated"


class SignalType(TextChoices):
    SESSION_REVOKED = f"{CAEP}session-revoked", "All sessions ended"
    CREDENTIAL_CHANGE = f"{CAEP}credential-change", "Password, second factor or passkey changed"
    ACCOUNT_DISABLED = f"{RISC}account-disabled", "Account deactivated"
    ACCOUNT_ENABLED = f"{RISC}account-enabled", "Account reactivated"
    ACCOUNT_PURGED = f"{RISC}account-purged", "Account terminated"
    IDENTIFIER_CHANGED = f"{RISC}identifier-changed", "Email address changed"


def signals_of(event: Event) -> list[tuple[SignalType, Payload]]:
    """Return the security events that follow from the event, in the order of sending."""
    return [
        (signal, payload)
        for signal in SIGNALS.get(Kind(event.kind), ())
        if (payload := PAYLOADS[signal](event)) is not None
    ]


def kinds_of(signals: list[str]) -> list[str]:
    """Return the kinds of events from which these security events follow."""
    return [kind.value for kind, found in SIGNALS.items() if not set(signals).isdisjoint(found)]


def _session_revoked(event: Event) -> Payload | None:
    return _caep(event, "All sessions of the person were ended.") if _ends_sessions(event) else None


def _credential_change(event: Event) -> Payload | None:
    changed = event.facts.get("credential")
    if not changed:
        return None
    return _caep(event, "A credential of the person was changed.") | {
        "credential_type": changed["type"],
        "change_type": changed["change"],
    }


def _identifier_changed(event: Event) -> Payload | None:
    change = event.changes.get("email")
    return {"new-value": change["to"]} if change and change["from"] else None


def _nothing_more(event: Event) -> Payload | None:
    """Return the payload of RISC's account events, which say nothing beyond their type."""
    return {}


def _caep(event: Event, reason: str) -> Payload:
    return {
        "event_timestamp": int(event.happened_at.timestamp()),
        "initiating_entity": _initiator(event),
        # What the actor wrote as the reason may be confidential, so it is not sent.
        "reason_admin": {"en": reason},
    }


def _initiator(event: Event) -> str:
    if event.actor_person_id is None:
        return "system"
    return "user" if event.actor_person_id == event.person_id else "admin"


def _ends_sessions(event: Event) -> bool:
    # Not every change of a password or of a second factor ends sessions.
    is_credential = event.kind in (Kind.PASSWORD_CHANGED, Kind.SECOND_FACTOR_CHANGED)
    return not is_credential or bool(event.facts.get("ended_sessions"))


SIGNALS: Final[Mapping[Kind, tuple[SignalType, ...]]] = {
    Kind.SESSIONS_ENDED: (SignalType.SESSION_REVOKED,),
    Kind.PERSON_DEACTIVATED: (SignalType.ACCOUNT_DISABLED, SignalType.SESSION_REVOKED),
    Kind.PERSON_REACTIVATED: (SignalType.ACCOUNT_ENABLED,),
    Kind.PERSON_TERMINATED: (SignalType.ACCOUNT_PURGED, SignalType.SESSION_REVOKED),
    Kind.PASSWORD_CHANGED: (SignalType.CREDENTIAL_CHANGE, SignalType.SESSION_REVOKED),
    Kind.SECOND_FACTOR_CHANGED: (SignalType.CREDENTIAL_CHANGE, SignalType.SESSION_REVOKED),
    Kind.ADDRESS_CONFIRMED: (SignalType.IDENTIFIER_CHANGED,),
}
PAYLOADS: Final[Mapping[SignalType, Callable[[Event], Payload | None]]] = {
    SignalType.SESSION_REVOKED: _session_revoked,
    SignalType.CREDENTIAL_CHANGE: _credential_change,
    SignalType.ACCOUNT_DISABLED: _nothing_more,
    SignalType.ACCOUNT_ENABLED: _nothing_more,
    SignalType.ACCOUNT_PURGED: _nothing_more,
    SignalType.IDENTIFIER_CHANGED: _identifier_changed,
}
