"""Link a new resource to a person who already has its email address."""

from people import hooks
from people.models import Person
from people.operations import field_ownership, locks, person_fields, rehires, sessions
from people.operations.roles import base_roles
from scim.models import Connection, MatchDecision, ScimUser


def link_existing_person(user: ScimUser, email: str, *, is_confirmed: bool) -> Person:
    """Return the person with the email address, if no connection manages them.

    `is_confirmed` tells whether an administrator has confirmed the link.

    :raises DuplicateEmail: if a connection manages the person; or if an administrator has to
        confirm the link, because the person has an elevated role or the connection always asks.
    """
    person: Person = Person.objects.having_address(email).get()
    # Two connections may adopt the same person at once; the second one sees the first.
    locks.lock(person)
    if is_managed(person) or not (is_confirmed or links_automatically(user, person)):
        raise person_fields.DuplicateEmail
    if not is_confirmed and hooks.has_signed_in(person):
        # Whoever signed in may not be the person whom the provider means by this address.
        sessions.end_sessions(person)
    field_ownership.record_user_name(
        person, actor=user.connection.actor, user_name=user.scim_username
    )
    if person.state == Person.State.INACTIVE:
        # The provider may mean a new hire with the address of somebody who left.
        rehires.start_over(person, actor=user.connection.actor)
    # Resources of disconnected connections no longer belong to the person.
    person.scim_users.filter(deleted_at=None).update(person=None)
    return person


def is_managed(person: Person) -> bool:
    """Tell whether a connection that is not disconnected manages the person."""
    owners = person.scim_users.filter(deleted_at=None, connection__disconnected_at=None)
    return owners.exists()


def links_automatically(user: ScimUser, person: Person) -> bool:
    """Tell whether the person may be linked without an administrator's confirmation."""
    asks = user.connection.email_link == Connection.EmailLink.ASK
    if asks or base_roles.is_privileged(person):
        return False
    left = MatchDecision.objects.filter(user=user, choice=MatchDecision.Choice.LEAVE)
    return not left.exists()
