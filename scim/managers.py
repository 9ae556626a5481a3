"""Whom a resource names as the manager, and what happens while nobody answers to it."""

from typing import NamedTuple

from django.db.models import Q

from people import operations
from people.models import Person
from people.values import KEEP, Keep, fold
from scim.canonical import link_manager
from scim.models import Connection, ScimUser
from scim.protocol import scim_uuid

WAITS = "Waiting for the manager to arrive"


class Manager(NamedTuple):
    person: Person
    scim_id: str | None


def named_by(user: ScimUser, given: str) -> Person | Keep | None:
    """Find the manager, or note on the resource that the reference waits.

    :raises operations.InvalidManager: if nobody answers to it and the connection rejects that.
    :raises operations.SelfManager: if the resource names itself.
    """
    user.waiting_manager = ""
    if not given:
        return None
    if _names_itself(user, given):
        raise operations.SelfManager
    found = find(user.connection, given)
    if found is not None:
        link_manager(user.document, found.scim_id)
        return found.person
    if user.connection.unknown_manager == Connection.UnknownManager.REJECT:
        raise operations.InvalidManager
    user.waiting_manager = fold(given)
    return KEEP


def find(connection: Connection, given: str) -> Manager | None:
    """Return whom the text names: by our id, externalId, userName or e-mail address."""
    known = ScimUser.objects.known_to(connection).filter(person__isnull=False)
    known = known.select_related("person")
    key = fold(given)
    by_id = scim_uuid(given)
    user = (
        (known.filter(scim_id=by_id).first() if by_id.int else None)
        or known.filter(scim_external_id=given).first()
        or known.filter(Q(user_name_key=key) | Q(email_key=key)).first()
    )
    if user and user.person:
        return Manager(user.person, str(user.scim_id))
    people = Person.objects.filter(email_key=key)
    # Whoever left for good is found too, to be refused: nobody need wait for them.
    person = people.in_lists().first() or people.first()
    return Manager(person, None) if person else None


def _names_itself(user: ScimUser, given: str) -> bool:
    names = (str(user.scim_id), user.user_name_key, user.email_key)
    return fold(given) in names or given == user.scim_external_id
