"""Which security events follow from an event of the log, and what they say.

The types are those of CAEP 1.0, RISC 1.0 and the SCIM profile of security events (RFC 9967).
SIGNALS is the whole mapping.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import TextChoices

from people.models import Event
from people.operations.signals import scim_payloads
from people.operations.signals.scim_payloads import ScimChange

Payload = dict[str, Any]
Kind = Event.Kind

CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"
SCIM_EVENT: Final = "urn:ietf:params:scim:event:"
SCIM: Final = f"{SCIM_EVENT}prov:"
SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"
VERIFICATION: Final = f"{SSF}verification"
STREAM_UPDATED: Final = f"{SSF}stream-updated"
# The types of events about the stream itself, which every stream has.
ABOUT_STREAM: Final = (VERIFICATION, STREAM_UPDATED)


class SignalType(TextChoices):
    SESSION_REVOKED = f"{CAEP}session-revoked", "All sessions ended"
    CREDENTIAL_CHANGE = f"{CAEP}credential-change", "Password, second factor or passkey changed"
    ACCOUNT_DISABLED = f"{RISC}account-disabled", "Account deactivated"
    ACCOUNT_ENABLED = f"{RISC}account-enabled", "Account reactivated"
    ACCOUNT_PURGED = f"{RISC}account-purged", "Account terminated"
    IDENTIFIER_CHANGED = f"{RISC}identifier-changed", "Email address changed"
    SCIM_CREATE_NOTICE = (
        f"{SCIM}create:notice",
        "SCIM user or group created: names of its attributes",
    )
    SCIM_CREATE_FULL = f"{SCIM}create:full", "SCIM user or group created: with all data"
    SCIM_PATCH_NOTICE = (
        f"{SCIM}patch:notice",
        "SCIM user or group changed by PATCH: names of the changed attributes",
    )
    SCIM_PATCH_FULL = (
        f"{SCIM}patch:full",
        "SCIM user or group changed by PATCH: with the changed values",
    )
    SCIM_PUT_NOTICE = (
        f"{SCIM}put:notice",
        "SCIM user or group changed otherwise: names of the changed attributes",
    )
    SCIM_PUT_FULL = f"{SCIM}put:full", "SCIM user or group changed otherwise: with all data"
    SCIM_ACTIVATE = f"{SCIM}activate", "SCIM user reactivated"
    SCIM_DEACTIVATE = f"{SCIM}deactivate", "SCIM user deactivated"
    SCIM_DELETE = f"{SCIM}delete", "SCIM user or group deleted"
    SCIM_ASYNC_RESPONSE = (
        f"{SCIM_EVENT}misc:asyncresp",
        "Asynchronous SCIM request: an operation is complete",
    )

    @property
    def is_scim(self) -> bool:
        return self.value.startswith(SCIM_EVENT)


def signals_of(event: Event, change: ScimChange | None) -> list[tuple[SignalType, Payload]]:
    """Return the security events that follow from the event, in the order of sending.

    :param change: None if the person has no SCIM resource. Then there are no SCIM events.
    """
    found = SIGNALS.get(Kind(event.kind), ())
    payloads = [
        (signal, SCIM_PAYLOADS[signal](event, change))
        if change and signal.is_scim
        else (signal, None if signal.is_scim else PAYLOADS[signal](event))
        for signal in found
    ]
    return [(signal, payload) for signal, payload in payloads if payload is not None]


def kinds_of(signals: list[str]) -> list[str]:
    """Return the kinds of events from which these security events follow."""
    return [kind.value for kind, found in SIGNALS.items() if not set(signals).isdisjoint(found)]


def _session_revoked(event: Event) -> Payload | None:
    # Not every change of a password or of a second factor ends sessions.
    is_credential = event.kind in (Kind.PASSWORD_CHANGED, Kind.SECOND_FACTOR_CHANGED)
    if is_credential and not event.facts.get("ended_sessions"):
        return None
    return _caep(event, "All sessions of the person were ended.")


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
    initiator = "system"
    if event.actor_person_id is not None:
        initiator = "user" if event.actor_person_id == event.person_id else "admin"
    return {
        "event_timestamp": int(event.happened_at.timestamp()),
        "initiating_entity": initiator,
        # What the actor wrote as the reason may be confidential, so it is not sent.
        "reason_admin": {"en": reason},
    }


_SCIM_CHANGED: Final = (
    *(SignalType.SCIM_PATCH_NOTICE, SignalType.SCIM_PATCH_FULL),
    *(SignalType.SCIM_PUT_NOTICE, SignalType.SCIM_PUT_FULL),
)
SIGNALS: Final[Mapping[Kind, tuple[SignalType, ...]]] = {
    Kind.SESSIONS_ENDED: (SignalType.SESSION_REVOKED,),
    Kind.PERSON_DEACTIVATED: (
        SignalType.ACCOUNT_DISABLED,
        SignalType.SESSION_REVOKED,
        SignalType.SCIM_DEACTIVATE,
        SignalType.SCIM_DELETE,
    ),
    Kind.PERSON_REACTIVATED: (SignalType.ACCOUNT_ENABLED, SignalType.SCIM_ACTIVATE),
    Kind.PERSON_TERMINATED: (SignalType.ACCOUNT_PURGED, SignalType.SESSION_REVOKED),
    Kind.PASSWORD_CHANGED: (SignalType.CREDENTIAL_CHANGE, SignalType.SESSION_REVOKED),
    Kind.SECOND_FACTOR_CHANGED: (SignalType.CREDENTIAL_CHANGE, SignalType.SESSION_REVOKED),
    Kind.ADDRESS_CONFIRMED: (SignalType.IDENTIFIER_CHANGED, *_SCIM_CHANGED),
    Kind.PERSON_ADDED: (SignalType.SCIM_CREATE_NOTICE, SignalType.SCIM_CREATE_FULL),
    Kind.PERSON_REVISED: _SCIM_CHANGED,
}
PAYLOADS: Final[Mapping[SignalType, Callable[[Event], Payload | None]]] = {
    SignalType.SESSION_REVOKED: _session_revoked,
    SignalType.CREDENTIAL_CHANGE: _credential_change,
    SignalType.ACCOUNT_DISABLED: _nothing_more,
    SignalType.ACCOUNT_ENABLED: _nothing_more,
    SignalType.ACCOUNT_PURGED: _nothing_more,
    SignalType.IDENTIFIER_CHANGED: _identifier_changed,
}
SCIM_PAYLOADS: Final[Mapping[SignalType, Callable[[Event, ScimChange], Payload | None]]] = {
    SignalType.SCIM_CREATE_NOTICE: scim_payloads.created_notice,
    SignalType.SCIM_CREATE_FULL: scim_payloads.created_full,
    SignalType.SCIM_PATCH_NOTICE: scim_payloads.patch_notice,
    SignalType.SCIM_PATCH_FULL: scim_payloads.patch_full,
    SignalType.SCIM_PUT_NOTICE: scim_payloads.put_notice,
    SignalType.SCIM_PUT_FULL: scim_payloads.put_full,
    SignalType.SCIM_ACTIVATE: scim_payloads.empty,
    SignalType.SCIM_DEACTIVATE: scim_payloads.empty,
    SignalType.SCIM_DELETE: scim_payloads.deleted,
}
