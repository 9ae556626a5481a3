"""The manager of a resource: found, or marked as awaited.

`scim.jobs.waiting_managers` assigns a manager who arrives later.
"""

from collections.abc import Collection, Iterable
from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from people.db import prepared_statements, row_json, unit_of_work
from people.db.prepared_statements import PreparedQuery
from people.models import FormerAddress, Person
from people.operations import field_ownership, managers
from people.values import KEEP, Keep, normalize_key
from scim.models import Connection, FormerName, ScimUser
from scim.models.sql import VISIBLE_TO_CONNECTION
from scim.rfc.ids import scim_uuid
from scim.rfc.normalize import link_manager, manager_link

# An externalId that two users share identifies neither (RFC 7643 section 3.1).
EXTERNAL_ID_IS_UNIQUE = """
    NOT EXISTS (SELECT 1 FROM scim_scimuser o
                 WHERE o.scim_external_id = u.scim_external_id AND o.deleted_at IS NULL
                   AND o.scim_external_id <> '' AND o.connection_id = u.connection_id
                   AND o.id <> u.id)
"""
# The columns by which a manager is found, with the condition of each partial index.
NAMES = (
    ("scim_id", "true"),
    (
        "scim_external_id",
        f"u.deleted_at IS NULL AND u.scim_external_id <> '' AND {EXTERNAL_ID_IS_UNIQUE}",
    ),
    ("user_name_key", "u.deleted_at IS NULL"),
    ("email_key", "true"),
)
WAITS = "Waiting for the manager to arrive"


# A connection, and what its provider calls a manager.
Reference = tuple[UUID, str]


class Manager(NamedTuple):
    person: Person
    scim_id: str | None


def resolve_manager(user: ScimUser, given: str) -> Person | Keep | None:
    """Find the manager, or mark the resource as waiting for them.

    :returns: the manager; None if there is none; KEEP if the resource waits for them.
    :raises InvalidManager: if nobody is found and the connection rejects unknown managers.
    :raises SelfManager: if the resource names itself.
    """
    user.waiting_manager = ""
    if not given:
        return None
    # Okta sends whatever an administrator maps: an id, an email address or an employee number.
    names = (str(user.scim_id), user.user_name_key, user.email_key)
    if normalize_key(given) in names or given == user.scim_external_id:
        raise managers.SelfManager
    found = _resolved_earlier(user) or find(user.connection, given)
    if found is not None:
        link(user, found)
        return found.person
    if user.connection.unknown_manager == Connection.UnknownManager.REJECT:
        raise managers.InvalidManager
    user.waiting_manager = normalize_key(given)
    return KEEP


def link(user: ScimUser, manager: Manager) -> None:
    """Store the resolved manager on the resource, unless its mapping uses another attribute."""
    if "manager" not in user.connection.mapping:
        link_manager(user.document, manager.scim_id)


def _resolved_earlier(user: ScimUser) -> Manager | None:
    """Return the manager to whom the same reference was resolved before.

    They stay the manager even if they were renamed since: the provider does not send the reports
    of a renamed manager again.
    """
    scim_id = manager_link(user.document)
    if not scim_id or "manager" in user.connection.mapping:
        return None
    users = ScimUser.objects.filter(connection=user.connection, scim_id=scim_uuid(scim_id))
    linked = users.select_related("person").first()
    if linked is None or linked.person is None or is_terminated(linked.person):
        return None
    return Manager(linked.person, str(linked.scim_id))


def is_terminated(person: Person) -> bool:
    return person.state == Person.State.TERMINATED


def find(connection: Connection, given: str) -> Manager | None:
    """Return the manager by id, externalId, userName, email or a former name."""
    find_user = _find_user_fast if prepared_statements.available() else _find_user
    found = find_user(connection, given)
    if found is not None:
        return found
    people = list(Person.objects.with_email_key(normalize_key(given)))
    if people:
        # Terminated people are found too, so that the reference is refused and does not wait.
        return Manager(min(people, key=is_terminated), None)
    return _find_by_former_name(connection, normalize_key(given))


def findable(connections: Iterable[Connection], given: Collection[Reference]) -> set[Reference]:
    """Return the references for which `find` may find somebody; it finds nobody for the others.

    All tenants are in force. The number of queries does not depend on the number of connections
    or references.
    """
    tenants = {one.pk: one.tenant_id for one in connections}
    texts = {text for _, text in given} - {""}
    ids = {scim_uuid(text) for text in texts} - {UUID(int=0)}
    keys = {normalize_key(text) for text in texts}
    users = ScimUser.objects.filter(connection__in=tenants, deleted_at=None, person__isnull=False)
    former_names = FormerName.objects.filter(user__connection__in=tenants, name_key__in=keys)
    people = Person.objects.filter(tenant__in=set(tenants.values())).with_email_key(*keys)
    addresses = FormerAddress.objects.filter(tenant__in=set(tenants.values()), email_key__in=keys)
    # Each condition is that of one index.
    of_connection = [
        users.filter(scim_id__in=ids).values_list("connection", "scim_id"),
        users.filter(scim_external_id__in=texts)
        .exclude(scim_external_id="")
        .values_list("connection", "scim_external_id"),
        users.filter(user_name_key__in=keys).values_list("connection", "user_name_key"),
        users.filter(email_key__in=keys).values_list("connection", "email_key"),
        former_names.values_list("user__connection", "name_key"),
    ]
    of_tenant = [rows.values_list("tenant", "email_key") for rows in (people, addresses)]
    known = {row for rows in (*of_connection, *of_tenant) for row in rows}
    return {
        (connection, text)
        for connection, text in given
        for name in (text, normalize_key(text), scim_uuid(text))
        if {(connection, name), (tenants[connection], name)} & known and text
    }


def _find_by_former_name(connection: Connection, key: str) -> Manager | None:
    """Return the person with this former name, unless several people had it."""
    named = ScimUser.objects.filter(connection=connection, former_names__name_key=key)
    had = Q(pk__in=named.values("person")) | Q(former_addresses__email_key=key)
    # Names are recycled: a former name of several people identifies nobody.
    people = list(Person.objects.in_lists().filter(had).distinct()[:2])
    if len(people) != 1:
        return None
    known = ScimUser.objects.known_to(connection).filter(person=people[0]).first()
    return Manager(people[0], str(known.scim_id) if known else None)


def names_of(user: ScimUser) -> set[str]:
    """Return the case-folded names, other than its id, by which others may refer to a manager."""
    names = {user.user_name_key, user.email_key, normalize_key(user.scim_external_id)}
    return names - {""}


def record_name_changes(user: ScimUser, earlier: set[str], *, is_back: bool) -> None:
    """Store the former names of the resource, and announce its new names.

    The event makes resources that wait for a manager of the new name look for them again.
    """
    names = names_of(user)
    unit_of_work.bulk_create(
        [
            FormerName(user=user, name_key=name, until=timezone.now())
            for name in sorted(earlier - names)
        ]
    )
    # The event of a new person announces them already, and a terminated person manages nobody.
    is_findable_anew = is_back or (earlier and names - earlier)
    if is_findable_anew and user.person and not is_terminated(user.person):
        field_ownership.record_user_name(
            user.person, actor=user.connection.actor, user_name=user.scim_username
        )


def _find_user(connection: Connection, given: str) -> Manager | None:
    known = ScimUser.objects.known_to(connection).filter(person__isnull=False)
    known = known.select_related("person")
    key = normalize_key(given)
    by_id = scim_uuid(given)
    user = (
        (known.filter(scim_id=by_id).first() if by_id.int else None)
        or _find_by_external_id(connection, given)
        or known.filter(Q(user_name_key=key) | Q(email_key=key)).first()
    )
    return Manager(user.person, str(user.scim_id)) if user and user.person else None


def _find_by_external_id(connection: Connection, given: str) -> ScimUser | None:
    users = ScimUser.objects.known_to(connection).select_related("person")
    found = list(users.filter(scim_external_id=given).exclude(scim_external_id="")[:2])
    return found[0] if len(found) == 1 and found[0].person else None


def _find_user_fast(connection: Connection, given: str) -> Manager | None:
    """Do the same as `_find_user` in one prepared statement."""
    row = prepared_statements.fetch(manager_query(connection.pk, given))
    return Manager(row_json.from_row(Person, row[1:]), str(row[0])) if row else None


def manager_query(connection_id: UUID, given: str) -> PreparedQuery:
    """Return the query that finds a manager of the connection by the provider's reference."""
    key, by_id = normalize_key(given), scim_uuid(given)
    names = (by_id, connection_id, given, connection_id, key, connection_id, key, connection_id)
    return PreparedQuery(_find_statement(), names, 1 + len(Person._meta.concrete_fields))


@cache
def _find_statement() -> str:
    """Return the statement of `manager_query`.

    The subselect finds the user before the join. Otherwise PostgreSQL may keep a plan from when
    the tables were empty, which reads all people.
    """
    person = row_json.columns(Person, "p")
    named = " UNION ALL ".join(
        f"SELECT {rank} AS rank, u.scim_id, u.person_id FROM scim_scimuser u "  # noqa: S608
        f"WHERE u.{name} = %s AND {condition} AND {VISIBLE_TO_CONNECTION} %s "
        "AND num_nulls(u.person_id) = 0"
        for rank, (name, condition) in enumerate(NAMES)
    )
    return (
        f"SELECT u.scim_id, {person} FROM ({named} ORDER BY rank LIMIT 1) u "  # noqa: S608
        "JOIN people_person p ON p.id = u.person_id"
    )
