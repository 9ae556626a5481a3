"""Assigns managers who arrive after their reports.

An event triggers this as soon as somebody can be found by the name of the manager. The sync
cycle, which beat runs every five minutes, does what events missed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q

from people import tenancy
from people.models import Person
from people.operations import people_update
from people.operations.managers import InvalidManager
from people.values import PeopleError
from scim.api.adapters import UserAdapter
from scim.models import Connection, ScimUser
from scim.sync import managers, provision, sync_errors
from scim.sync.attribute_mapping import profile_of
from scim.sync.sync_errors import SyncErrorSubject

LIVE = Q(
    deleted_at=None,
    connection__activated_at__isnull=False,
    connection__disconnected_at=None,
)
HAS_LEFT = (Person.State.INACTIVE, Person.State.TERMINATED)
BATCH = 1_000
# The columns that the sync cycle may change.
SAVED_FIELDS = ("waiting_manager", "problem", "has_errors", "document", "rendered")


def resolve_waiting(waiting: Iterable[ScimUser]) -> int:
    """Assign the managers that the resources wait for; return how many could be assigned."""
    return sum(_resolve_user(user.pk) for user in waiting)


def users_waiting_for(person: Person) -> list[ScimUser]:
    """Return the resources that wait for a manager by one of the person's names."""
    # A person without a resource can be found by their address only.
    names = {person.email_key}
    for user in person.scim_users.filter(deleted_at=None):
        names |= {str(user.scim_id), *managers.names_of(user)}
    return list(ScimUser.objects.filter(waiting_manager__in=names - {""}))


def record_waiting(person: Person) -> None:
    """Record the sync error of a missing manager, unless it exists or the person has left.

    When an administrator reactivates a person, there is no SCIM request that would record it.
    """
    waiting = ScimUser.objects.filter(LIVE, ~Q(waiting_manager=""), person=person)
    waiting = waiting.exclude(person__state__in=HAS_LEFT)
    for user_id in list(waiting.values_list("pk", flat=True)):
        with transaction.atomic():
            # Another worker may have assigned the manager since the users were read.
            user = lock_user(user_id)
            error = InvalidManager()
            if user.waiting_manager and not sync_errors.is_unresolved(user, error):
                mapped = profile_of(user.document, user.connection.mapping)
                subject = SyncErrorSubject(
                    user_name=user.scim_username, user=user, raw_values=mapped.raw_values
                )
                sync_errors.record(user.connection, subject, error, request_id=None)
                ScimUser.objects.filter(pk=user.pk).update(has_errors=True)


def resolve_all(*, seconds: float = math.inf) -> int:
    """Assign the managers who have arrived, in all connections; return how many.

    Many resources may wait for ever, because their managers never arrive. So the names of a batch
    are looked up together, and a resource is locked only if somebody may be found for it.
    Connections with few such resources come first, so that they do not wait for the others.
    """
    until, done = monotonic() + seconds, 0
    with tenancy.across_tenants():
        for connections in _groups_of_connections():
            for user_id in _resolvable_users(connections):
                if monotonic() > until:
                    return done
                done += _resolve_user(user_id)
    return done


def _groups_of_connections() -> Iterator[dict[UUID, Connection]]:
    """Yield the connections with waiting resources, in groups that fill about one batch."""
    waiting = ScimUser.objects.filter(LIVE, ~Q(waiting_manager=""))
    counts = waiting.order_by().values_list("connection").annotate(Count("pk"))
    group: list[UUID] = []
    total = 0
    for pk, count in sorted(counts, key=itemgetter(1)):
        if group and total + count > BATCH:
            yield Connection.objects.in_bulk(group)
            group, total = [], 0
        group.append(pk)
        total += count
    if group:
        yield Connection.objects.in_bulk(group)


def _resolvable_users(connections: Mapping[UUID, Connection]) -> Iterator[int]:
    users = ScimUser.objects.filter(connection__in=connections, deleted_at=None)
    users = users.exclude(waiting_manager="").order_by("pk")
    last = 0
    batch: list[Any] = [None] * BATCH
    while len(batch) == BATCH:
        rows = users.filter(pk__gt=last).values_list("pk", "connection", "document")
        batch = list(rows[:BATCH])
        given = {
            pk: (connection, profile_of(document, connections[connection].mapping).manager)
            for pk, connection, document in batch
        }
        findable = managers.findable(connections.values(), set(given.values()))
        yield from (pk for pk, reference in given.items() if reference in findable)
        last = max(given, default=0)


@transaction.atomic
def _resolve_user(user_id: int) -> bool:
    with tenancy.across_tenants():
        user = lock_user(user_id)
    with tenancy.use(user.tenant_id):
        person = user.person
        if not user.waiting_manager or person is None:
            return False
        mapped = profile_of(user.document, user.connection.mapping)
        manager = managers.find(user.connection, mapped.manager) if mapped.manager else None
        if manager is None:
            return False
        try:
            with transaction.atomic():
                people_update.assign_manager(person, manager.person, actor=user.connection.actor)
        except PeopleError:
            # The sync error stays open, because the manager is circular or not eligible.
            return False
        provision.end_waiting(user, person)
        managers.link(user, manager)
        save(user)
        return True


def lock_user(user_id: int) -> ScimUser:
    """Lock the resource, and return it with its connection and person."""
    users = ScimUser.objects.select_related("connection", "person")
    # `of`: the nullable join to the person cannot be locked, and the operations lock the person.
    return users.select_for_update(of=("self",)).get(pk=user_id)


def save(user: ScimUser) -> None:
    """Save what the sync cycle may change, with the response that contains it."""
    UserAdapter(user).render()
    user.save(update_fields=SAVED_FIELDS)
