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
    candidate_of_visitor: LinkCandidate | None = None
    # The person with the claimed address, unless terminated.
    same_email: Person | None = None
    may_create: bool = True
    may_create_unverified: bool = False
    # The unmet restriction of the provider, for the administrator.
    unmet_restriction: str = ""
    # Anyone can create an account at the provider, and no restriction is set.
    is_unrestricted: bool = False


def decide(claims: Claims, facts: SignInFacts) -> Decision:
    """Return what to do with this sign-in."""
    if not claims.subject.strip():
        return Refuse(Refusal.NO_SUBJECT)
    person, paired = facts.identity, facts.paired
    if facts.unmet_restriction:
        return Refuse(Refusal.NOT_ADMITTED, person, facts.unmet_restriction)
    # If a terminated person comes back, SCIM adds them as a new person.
    is_replaced = paired is not None and paired.person != person
    if person and not (person.state == Person.State.TERMINATED and is_replaced):
        return _sign_in_known(person, facts)
    if claims.is_unconfirmed:
        return Refuse(Refusal.DIRECTORY_UNAVAILABLE)
    return _linked(facts) or _create(claims, facts)


def _linked(facts: SignInFacts) -> Decision | None:
    """Decide about a person found by the pairing, the directory, an invite or the session."""
    if facts.paired:
        return _link(facts.paired)
    if facts.is_paired_known:
        return Refuse(Refusal.NOT_PROVISIONED)
    if facts.same_directory:
        if _is_somebody_else(facts.same_directory.person, facts):
            return Refuse(Refusal.SOMEBODY_ELSE, facts.same_directory.person)
        return _link(facts.same_directory)
    return _link(facts.candidate_of_visitor) if facts.candidate_of_visitor else None


def _is_somebody_else(person: Person, facts: SignInFacts) -> bool:
    """Tell whether the visitor opened the invite, or the session, of another person."""
    visitor = facts.candidate_of_visitor
    return visitor is not None and visitor.person != person


def _sign_in_known(person: Person, facts: SignInFacts) -> Decision:
    if _is_somebody_else(person, facts):
        return Refuse(Refusal.SOMEBODY_ELSE, person)
    if refused := _shut_out(person):
        return refused
    if facts.is_identity_disowned:
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


def _create(claims: Claims, facts: SignInFacts) -> Decision:
    if facts.same_email:
        return Refuse(Refusal.EMAIL_TAKEN, facts.same_email)
    if not facts.may_create:
        return Refuse(Refusal.UNKNOWN_PERSON)
    if facts.is_unrestricted:
        return Refuse(Refusal.UNRESTRICTED)
    if not claims.email:
        return Refuse(Refusal.NO_EMAIL)
    if claims.is_email_verified is False and not facts.may_create_unverified:
        return Refuse(Refusal.UNVERIFIED_EMAIL)
    return Create()
