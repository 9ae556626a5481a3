"""Whom a resource names as the manager, and what happens while nobody answers to it."""

from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q

from people import fixed_sql, operations, row_sql
from people.fixed_sql import Question
from people.models import Person
from people.values import KEEP, Keep, fold
from scim.canonical import link_manager
from scim.credentials import KNOWN
from scim.models import Connection, ScimUser
from scim.protocol import scim_uuid

# The columns by which a manager is found, as `hot_paths` tells them to the planner.
NAMES = (
    ("scim_id", "true"),
    ("scim_external_id", "u.deleted_at IS NULL AND u.scim_external_id <> ''"),
    ("user_name_key", "u.deleted_at IS NULL"),
    ("email_key", "true"),
)
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
    known = _known_fast if fixed_sql.available() else _known
    found = known(connection, given)
    if found is not None:
        return found
    people = Person.objects.filter(email_key=fold(given))
    # Whoever left for good is found too, to be refused: nobody need wait for them.
    person = people.in_lists().first() or people.first()
    return Manager(person, None) if person else None


def _known(connection: Connection, given: str) -> Manager | None:
    known = ScimUser.objects.known_to(connection).filter(person__isnull=False)
    known = known.select_related("person")
    key = fold(given)
    by_id = scim_uuid(given)
    user = (
        (known.filter(scim_id=by_id).first() if by_id.int else None)
        or known.filter(scim_external_id=given).first()
        or known.filter(Q(user_name_key=key) | Q(email_key=key)).first()
    )
    return Manager(user.person, str(user.scim_id)) if user and user.person else None


def _known_fast(connection: Connection, given: str) -> Manager | None:
    """Do the same in one statement."""
    row = fixed_sql.answer(question(connection.pk, given))
    return Manager(row_sql.loaded(Person, row[1:]), str(row[0])) if row else None


def question(here: UUID, given: str) -> Question:
    """Return how the database is asked for whom the text names in that connection."""
    key, by_id = fold(given), scim_uuid(given)
    names = (by_id, here, given, here, key, here, key, here)
    return Question(_statement(), names, 1 + len(Person._meta.concrete_fields))


@cache
def _statement() -> str:
    """Choose the user first, or a plan from when the tables were empty reads all people."""
    person = row_sql.columns(Person, "p")
    named = " UNION ALL ".join(
        f"SELECT {rank} AS rank, u.scim_id, u.person_id FROM scim_scimuser u "  # noqa: S608
        f"WHERE u.{name} = %s AND {known} AND {KNOWN} %s AND num_nulls(u.person_id) = 0"
        for rank, (name, known) in enumerate(NAMES)
    )
    return (
        f"SELECT u.scim_id, {person} FROM ({named} ORDER BY rank LIMIT 1) u "  # noqa: S608
        "JOIN people_person p ON p.id = u.person_id"
    )


def _names_itself(user: ScimUser, given: str) -> bool:
    names = (str(user.scim_id), user.user_name_key, user.email_key)
    return fold(given) in names or given == user.scim_external_id
