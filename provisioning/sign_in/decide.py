"""Decides who signs in. A pure function without database access.

A person is found by the identity (provider and subject) that was linked before. Otherwise, by the
pairing with a SCIM connection, by the same directory account at another provider, by an invite
that the visitor opened, or by the session in which they link the provider. A person is never found
by their address. People whom a SCIM connection manages are found only by the pairing with it.
"""

from dataclasses import dataclass
from enum import StrEnum

from people.models import Person
from provisioning.claims import Claims
from provisioning.models import Identity

How = Identity.How


class Refusal(StrEnum):
    """Why a sign-in is refused. The values are the codes of docs/errors.md."""

    TENANT_INACTIVE = "tenant-inactive"
    PROVIDER_MOVED = "provider-moved"
    NO_SUBJECT = "no-subject"
    NOT_ADMITTED = "not-admitted"
    UNRESTRICTED = "provider-unrestricted"
    DIRECTORY_UNAVAILABLE = "directory-unavailable"
    DEACTIVATED = "person-deactivated"
    TERMINATED = "person-terminated"
    NOT_PROVISIONED = "scim-incomplete"
    LINKED_OTHERWISE = "linked-otherwise"
    NOT_PAIRED = "not-paired"
    SOMEBODY_ELSE = "somebody-else"
    NO_EMAIL = "no-email"
    INVALID_EMAIL = "invalid-email"
    UNVERIFIED_EMAIL = "unverified-email"
    EMAIL_TAKEN = "email-taken"
    UNKNOWN_PERSON = "unknown-person"


@dataclass(frozen=True)
class SignIn:
    person: Person


@dataclass(frozen=True)
class Link:
    person: Person
    how: How


@dataclass(frozen=True)
class Create:
    pass


@dataclass(frozen=True)
class Refuse:
    reason: Refusal
    person: Person | None = None
    # What exactly was missing, if the reason alone does not say it.
    detail: str = ""


Decision = SignIn | Link | Create | Refuse


@dataclass(frozen=True, kw_only=True)
class LinkCandidate:
    """A person to whom the sign-in may be linked, and what prevents it."""

    person: Person
    how: How
    # They have another identity at this provider already.
    is_linked_otherwise: bool = False
    # A SCIM connection manages them, so they can only be linked by the pairing.
    is_provisioned: bool = False


@dataclass(frozen=True, kw_only=True)
class SignInFacts:
    """What the database says about the claims, collected before the decision."""

    # The person of this identity, if it exists.
    identity: Person | None = None
    # A SCIM connection manages the identity's person, and the pairing does not confirm them.
    is_identity_disowned: bool = False
    # The person with this subject at another provider of the same directory.
    same_directory: LinkCandidate | None = None
    # The person of the paired connection; `is_paired_known` if it has such a user at all.
    paired: LinkCandidate | None = None
    is_paired_known: bool = False
    # The person of the opened invite, or the signed-in person who links a provider.
    asking: LinkCandidate | None = None
    # The person with the claimed address, unless terminated.
    same_email: Person | None = None
    may_create: bool = True
    may_create_unverified: bool = False
    # The unmet restriction of the provider, for the administrator.
    unmet: str = ""
    # Anyone can create an account at the provider, and no restriction is set.
    is_unrestricted: bool = False


def decide(claims: Claims, known: SignInFacts) -> Decision:
    """Return what to do with this sign-in."""
    if refused := _not_admitted(claims, known):
        return refused
    if known.identity and not _has_come_back(known):
        return _known(known.identity, known)
    if claims.is_unconfirmed:
        return Refuse(Refusal.DIRECTORY_UNAVAILABLE)
    return _linked(known) or _create(claims, known)


def _linked(known: SignInFacts) -> Decision | None:
    """Decide about a person found by the pairing, the directory, an invite or the session."""
    if known.paired:
        return _link(known.paired)
    if known.is_paired_known:
        return Refuse(Refusal.NOT_PROVISIONED)
    if known.same_directory:
        if known.asking and known.asking.person != known.same_directory.person:
            return Refuse(Refusal.SOMEBODY_ELSE, known.same_directory.person)
        return _link(known.same_directory)
    return _link(known.asking) if known.asking else None


def _not_admitted(claims: Claims, known: SignInFacts) -> Refuse | None:
    if not claims.subject.strip():
        return Refuse(Refusal.NO_SUBJECT)
    return Refuse(Refusal.NOT_ADMITTED, known.identity, known.unmet) if known.unmet else None


def _has_come_back(known: SignInFacts) -> bool:
    """Tell whether SCIM has added a terminated person again as a new person."""
    assert known.identity
    is_past = known.identity.state == Person.State.TERMINATED
    return is_past and known.paired is not None and known.paired.person != known.identity


def _known(person: Person, known: SignInFacts) -> Decision:
    if known.asking and known.asking.person != person:
        return Refuse(Refusal.SOMEBODY_ELSE, person)
    if refused := _shut_out(person):
        return refused
    if known.is_identity_disowned:
        return Refuse(Refusal.NOT_PAIRED, person)
    return SignIn(person)


def _link(candidate: LinkCandidate) -> Decision:
    person = candidate.person
    if refused := _shut_out(person):
        return refused
    if candidate.is_provisioned and candidate.how != How.PAIRED:
        return Refuse(Refusal.NOT_PAIRED, person)
    if candidate.is_linked_otherwise:
        return Refuse(Refusal.LINKED_OTHERWISE, person)
    return Link(person, candidate.how)


def _shut_out(person: Person) -> Refuse | None:
    if person.state == Person.State.TERMINATED:
        return Refuse(Refusal.TERMINATED, person)
    return None if person.is_active else Refuse(Refusal.DEACTIVATED, person)


def _create(claims: Claims, known: SignInFacts) -> Decision:
    if known.same_email:
        return Refuse(Refusal.EMAIL_TAKEN, known.same_email)
    if not known.may_create:
        return Refuse(Refusal.UNKNOWN_PERSON)
    if known.is_unrestricted:
        return Refuse(Refusal.UNRESTRICTED)
    if not claims.email:
        return Refuse(Refusal.NO_EMAIL)
    if claims.is_email_verified is False and not known.may_create_unverified:
        return Refuse(Refusal.UNVERIFIED_EMAIL)
    return Create()
