"""Applies the policy of the company to a signal about a person.

The rules of people hold: the last Owner and the last administrator stay, and a signal does not
deactivate or lock out anybody above the rank of the administrator who set up the stream. In both
cases the sessions still end, which a sign-in undoes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.sessions.models import Session

from people.models import Person, PersonSession
from people.operations import people, ranks
from people.operations.locks import lock
from people.operations.people import Terminated
from people.operations.rehires import NoAddress
from people.operations.roles.base_roles import (
    LastAdministrator,
    LastOwner,
    check_not_last_admin,
)
from provisioning.models import ProviderSession, ReceivedSignal, SignalPolicy, TransmitterStream
from provisioning.shared_signals import event_types
from provisioning.shared_signals.event_types import ACCOUNT_STATES
from provisioning.shared_signals.subjects import Found
from provisioning.shared_signals.tokens import Signal
from provisioning.sign_in import fresh_sign_in
from provisioning.sign_in.revoke_access import revoke_access

ENDED: Final = "All sessions, API tokens and links were ended."


@dataclass(frozen=True)
class Effect:
    """What a signal did. The detail is for administrators."""

    policy: SignalPolicy
    detail: str
    deactivated_at: datetime | None = None

    @classmethod
    def logged(cls, detail: str) -> "Effect":
        return cls(SignalPolicy.LOG, detail)

    @property
    def ended_sessions(self) -> bool:
        return self.policy not in (SignalPolicy.LOG, SignalPolicy.UNDO)


def apply(stream: TransmitterStream, signal: Signal, found: Found) -> Effect:
    """Do what the policy says, in the transaction of the caller."""
    line = event_types.policy_for(signal.uri, signal.payload)
    policy = event_types.chosen(line, stream.policies) if line else SignalPolicy.LOG
    if found.person is None:
        return Effect.logged(f"{found.why_not} Nothing was changed.")
    if line is None or policy == SignalPolicy.LOG:
        return Effect.logged("The policy is to log it only. Nothing was changed.")
    lock(found.person)
    # Signals may arrive in another order than the events happened.
    later = ReceivedSignal.objects.filter(
        provider=stream.provider,
        person=found.person,
        event__in=ACCOUNT_STATES,
        occurred_at__gt=signal.occurred_at,
    )
    is_outdated = event_types.name_of(signal.uri) in ACCOUNT_STATES and later.exists()
    if policy == SignalPolicy.UNDO and is_outdated:
        return Effect.logged("A later signal about this account came before. Nothing was changed.")
    if policy == SignalPolicy.UNDO:
        return _reactivate(stream, found.person)
    if is_outdated:
        # Sessions from before must end, but what came later stays as it is.
        policy = SignalPolicy.END
    return _end_access(stream, signal, found, policy, line.label.lower())


def _end_access(
    stream: TransmitterStream, signal: Signal, found: Found, policy: SignalPolicy, label: str
) -> Effect:
    """End the sessions, and apply the rest of the policy unless a rule of people forbids it."""
    person, provider = found.person, stream.provider
    assert person
    if found.sessions and policy == SignalPolicy.END:
        Session.objects.filter(session_key__in=found.sessions).delete()
        PersonSession.objects.filter(session_key__in=found.sessions).delete()
        ProviderSession.objects.filter(session_key__in=found.sessions).delete()
        return Effect(policy, "The sessions of the named session at the provider were ended.")
    reason = f"signal “{label}”"
    why_not = _why_not(stream, person) if policy != SignalPolicy.END else ""
    if policy == SignalPolicy.DEACTIVATE and not why_not:
        if not people.deactivate_person(person, actor=provider.actor, reason=reason):
            return Effect.logged(f"{person.full_name} was inactive already. Nothing was changed.")
        return Effect(policy, f"{person.full_name} was deactivated.", person.deactivated_at)
    revoke_access(provider, person, reason=reason)
    if policy == SignalPolicy.END:
        return Effect(policy, ENDED)
    if why_not:
        return Effect(SignalPolicy.END, f"{ENDED} Nothing more was done: {why_not}")
    fresh_sign_in.require(person, provider, since=signal.occurred_at, because=label)
    return Effect(policy, f"{ENDED} A fresh sign-in through {provider} is required.")


def _why_not(stream: TransmitterStream, person: Person) -> str:
    """Return why the person may be neither deactivated nor locked out; blank if they may."""
    if refusal := ranks.refusal_over(stream.configured_by, person):
        return refusal
    try:
        check_not_last_admin(person)
    except (LastOwner, LastAdministrator) as error:
        return str(error)
    return ""


def _reactivate(stream: TransmitterStream, person: Person) -> Effect:
    """Reactivate the person if a signal of this provider deactivated them, and nothing else."""
    own = ReceivedSignal.objects.filter(
        provider=stream.provider, person=person, deactivated_at=person.deactivated_at
    )
    if person.is_active or person.deactivated_at is None or not own.exists():
        return Effect.logged("No signal of this provider deactivated them. Nothing was changed.")
    if refusal := ranks.refusal_over(stream.configured_by, person):
        return Effect.logged(f"Nothing was changed: {refusal}")
    try:
        people.reactivate_person(person, actor=stream.provider.actor)
    except (Terminated, NoAddress) as error:
        return Effect.logged(f"Nothing was changed: {error}")
    return Effect(SignalPolicy.UNDO, f"{person.full_name} was reactivated.")
