"""The event types that Ramp asks transmitters for, and what each does unless it is changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioning.models import SignalPolicy

CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"
SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"
# About the stream itself, and about no person.
VERIFICATION: Final = f"{SSF}verification"
STREAM_UPDATED: Final = f"{SSF}stream-updated"

ENABLED, DISABLED, PURGED = "account-enabled", "account-disabled", "account-purged"
# They say the state of an account, so only the newest of them counts.
ACCOUNT_STATES: Final = (ENABLED, DISABLED, PURGED)

Payload = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A line of the policies: an event type, or one kind of its events."""

    # In `TransmitterStream.policies`.
    name: str
    uri: str
    label: str
    default: str
    # Tells whether the line is about an event of this type.
    includes: Callable[[Payload], bool] = lambda payload: True

    @property
    def choices(self) -> list[SignalPolicy]:
        if self.name == ENABLED:
            return [SignalPolicy.LOG, SignalPolicy.UNDO]
        return [one for one in SignalPolicy if one != SignalPolicy.UNDO]


def _takes_away(payload: Payload) -> bool:
    return payload.get("change_type") == "revoke"


# The first line that includes an event decides. What no line includes is only logged: a device that
# complies again, or a higher assurance level.
POLICIES: Final = (
    Policy(
        name="session-revoked",
        uri=f"{CAEP}session-revoked",
        label="Session revoked",
        default=SignalPolicy.END,
    ),
    Policy(
        name="credential-revoked",
        uri=f"{CAEP}credential-change",
        label="Credential revoked",
        default=SignalPolicy.END,
        includes=_takes_away,
    ),
    Policy(
        name="credential-change",
        uri=f"{CAEP}credential-change",
        label="Credential added, changed or deleted",
        default=SignalPolicy.LOG,
    ),
    Policy(
        name="credential-compromise",
        uri=f"{RISC}credential-compromise",
        label="Credential compromised",
        default=SignalPolicy.END,
    ),
    Policy(
        name=DISABLED,
        uri=f"{RISC}account-disabled",
        label="Account disabled",
        default=SignalPolicy.FRESH,
    ),
    Policy(
        name=PURGED,
        uri=f"{RISC}account-purged",
        label="Account deleted",
        default=SignalPolicy.LOG,
    ),
    Policy(
        name=ENABLED,
        uri=f"{RISC}account-enabled",
        label="Account enabled",
        default=SignalPolicy.LOG,
    ),
    Policy(
        name="identifier-changed",
        uri=f"{RISC}identifier-changed",
        label="Email address or phone number changed",
        default=SignalPolicy.LOG,
    ),
    Policy(
        name="assurance-level-change",
        uri=f"{CAEP}assurance-level-change",
        label="Assurance level lowered",
        default=SignalPolicy.LOG,
        includes=lambda payload: payload.get("change_direction") != "increase",
    ),
    Policy(
        name="device-compliance-change",
        uri=f"{CAEP}device-compliance-change",
        label="Device no longer compliant",
        default=SignalPolicy.LOG,
        includes=lambda payload: payload.get("current_status") == "not-compliant",
    ),
)
# What a stream is asked for. Events about the stream come unasked.
REQUESTED: Final = tuple(dict.fromkeys(policy.uri for policy in POLICIES))
KNOWN: Final = frozenset({*REQUESTED, VERIFICATION, STREAM_UPDATED})


def name_of(uri: str) -> str:
    return uri.rpartition("/")[2]


def policy_for(uri: str, payload: Payload) -> Policy | None:
    """Return the line that decides about the event; None if it is only logged."""
    fitting = (one for one in POLICIES if one.uri == uri and one.includes(payload))
    return next(fitting, None)


def chosen(policy: Policy, policies: Mapping[str, str]) -> SignalPolicy:
    """Return what the company has chosen for the line."""
    return SignalPolicy(policies.get(policy.name, policy.default))
